"""The SBD reader, on .mat files of SBD's structure written by scipy."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from bridgeseg.data.sbd import SbdFolder
from bridgeseg.structures.labels import BadInput, verify

scipy_io = pytest.importorskip("scipy.io", reason="SBD's files need scipy")
from small_sbd import SIZE, maps, write  # noqa: E402  (needs scipy)


def test_reads_what_was_written(tmp_path: Path) -> None:
    for name, seed in (("2008_000001", 1), ("2008_000002", 2), ("2008_000003", 3)):
        write(tmp_path, name, *maps(seed))
    (tmp_path / "train.txt").write_text("2008_000002\n2008_000001\n")
    (tmp_path / "val.txt").write_text("2008_000003\n")
    dataset = SbdFolder(tmp_path, "train")
    assert dataset.names == ["2008_000002", "2008_000001"]
    assert dataset.categories[15] == "person"
    for index, seed in ((0, 2), (1, 1)):
        instances, _, categories = maps(seed)
        sample = verify(dataset[index], "sbd", count=20)
        assert sample.name == dataset.names[index]
        np.testing.assert_array_equal(sample.instances, instances)
        np.testing.assert_array_equal(sample.categories, categories)
        assert sample.picture.shape == (*SIZE, 3)
    assert SbdFolder(tmp_path, "val").names == ["2008_000003"]
    assert SbdFolder(tmp_path, "all").names == ["2008_000001", "2008_000002", "2008_000003"]
    assert len(SbdFolder(tmp_path, names=["2008_000003"])) == 1


def test_a_single_instance_and_none(tmp_path: Path) -> None:
    # scipy squeezes neither, but MATLAB's 1x1 and 0x0 arrays are where shapes go wrong.
    blank = np.zeros(SIZE, np.uint8)
    write(tmp_path, "none", blank, np.zeros(0, np.uint8), blank)
    one = blank.copy()
    one[3:5, 4:9] = 1
    write(tmp_path, "one", one, np.array([15], np.uint8), one * 15)
    none, single = (SbdFolder(tmp_path, names=["none", "one"])[index] for index in (0, 1))
    assert not none.instances.any()
    assert not none.categories.any()
    np.testing.assert_array_equal(single.instances, one)
    np.testing.assert_array_equal(single.categories, one * 15)


def test_void_is_kept_and_has_no_instance(tmp_path: Path) -> None:
    instances, of_instance, categories = maps(4)
    instances[0], categories[0] = 255, 255
    write(tmp_path, "a", instances, of_instance, categories)
    sample = verify(SbdFolder(tmp_path, names=["a"])[0], "a", count=20)
    assert (sample.categories[0] == 255).all()
    assert not sample.instances[0].any()


def test_the_file_of_instances_decides(tmp_path: Path) -> None:
    instances, of_instance, categories = maps(5)
    wrong = categories.copy()
    wrong[instances == 2] = 0
    write(tmp_path, "a", instances, of_instance, wrong)
    sample = verify(SbdFolder(tmp_path, names=["a"])[0], "a", count=20)
    np.testing.assert_array_equal(sample.categories, categories)


def test_bad_files_are_named(tmp_path: Path) -> None:
    instances, of_instance, categories = maps(6)

    def message(name: str) -> str:
        with pytest.raises(BadInput) as error:
            SbdFolder(tmp_path, names=[name])[0]
        return str(error.value)

    write(tmp_path, "few", instances, of_instance[:3], categories)
    assert "few.mat: instance 4 without a category, Categories names 3" in message("few")
    write(tmp_path, "high", instances, np.full(4, 21, np.uint8), categories)
    assert "inst/high.mat: Categories holds [21, 21, 21, 21], expected 1…20" in message("high")
    write(tmp_path, "cls", instances, of_instance, categories + np.uint8(21))
    assert "cls/cls.mat: category" in message("cls")
    write(tmp_path, "size", instances[1:], of_instance, categories)
    assert "inst/size.mat: Segmentation is (11, 17), its picture (12, 17)" in message("size")
    write(tmp_path, "text", instances, of_instance, categories)
    (tmp_path / "cls" / "text.mat").write_text("not MATLAB")
    assert "cls/text.mat: cannot be read as a .mat file (Mat file appears to be truncated)" in message("text")
    write(tmp_path, "other", instances, of_instance, categories)
    scipy_io.savemat(tmp_path / "inst" / "other.mat", {"GTcls": 1})
    assert "inst/other.mat: no variable GTinst, expected a struct of that name" in message("other")
    write(tmp_path, "bare", instances, of_instance, categories)
    scipy_io.savemat(tmp_path / "cls" / "bare.mat", {"GTcls": {"Boundaries": instances}})
    assert "cls/bare.mat: a struct without the field Segmentation" in message("bare")
    write(tmp_path, "gone", instances, of_instance, categories)
    (tmp_path / "inst" / "gone.mat").unlink()
    assert "inst/gone.mat: missing" in message("gone")


def test_bad_folders_and_lists_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="split: 'test', expected one of train, val, sds_train"):
        SbdFolder(tmp_path, "test")
    with pytest.raises(BadInput, match=r"train\.txt: No such file"):
        SbdFolder(tmp_path, "train")
    with pytest.raises(BadInput, match="no VOC2012 in it or beside it, expected there: .* are sds_val"):
        SbdFolder(tmp_path, "sds_val")
    with pytest.raises(BadInput, match="an empty list"):
        SbdFolder(tmp_path, names=[])
    with pytest.raises(BadInput, match="img: No such file or directory, expected a folder"):
        SbdFolder(tmp_path, names=["a"])


def test_without_scipy_one_line_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy", None)
    with pytest.raises(BadInput, match="need scipy, which is not installed; pip install scipy"):
        SbdFolder(tmp_path, names=["a"])


def test_the_sds_lists_tell_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from bridgeseg.data.splits import PaperLists

    for name, seed in (("a", 1), ("b", 2)):
        write(tmp_path, name, *maps(seed))
    lists = PaperLists(
        sbd=("a", "b"), seg_train=(), seg_val=(), trainaug=(), sds_train=("a",), sds_val=("b",)
    )
    monkeypatch.setattr("bridgeseg.data.sbd.read_paper_lists", lambda voc, sbd: lists)
    assert SbdFolder(tmp_path, "sds_train", voc=tmp_path).names == ["a"]
    assert SbdFolder(tmp_path, "sds_val", voc=tmp_path).names == ["b"]


@pytest.mark.parametrize("wrong", [0.9, 256.0, -1.0, np.nan])
def test_doubles_as_matlab_has_them_are_read_and_others_refused(tmp_path: Path, wrong: float) -> None:
    """Cut off to bytes, 0.9 would be the background, and 256 too."""
    instances, of_instance, categories = maps(4)
    doubles = categories.astype(np.float64)
    write(tmp_path, "a", instances.astype(np.float64), of_instance.astype(np.float64), doubles)
    np.testing.assert_array_equal(SbdFolder(tmp_path, names=["a"])[0].categories, categories)
    doubles[0, 0] = wrong
    write(tmp_path, "a", instances, of_instance, doubles)
    with pytest.raises(BadInput, match=r"cls.a\.mat: labels of float64 that are not whole"):
        SbdFolder(tmp_path, names=["a"])[0]
