"""The paper's lists, on made-up names with the true counts and overlaps, and the rule on what may be scored."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bridgeseg.data.splits import check_scoring, paper_lists, read_names, read_paper_lists, set_aside
from bridgeseg.structures.labels import BadInput


def made_up() -> dict[str, list[str]]:
    """Lists with the counts and overlaps of the real ones, put together from the parts that they are made of."""

    def some(title: str, count: int) -> list[str]:
        return [f"{title}_{number:05}" for number in range(count)]

    # SBD's pictures: in segmentation val, in segmentation train, in neither. Main's lists halve all of VOC, so that
    # segmentation val lies in Main val and segmentation train in Main train, and have pictures that SBD lacks.
    val_sbd, val_only = some("valsbd", 1_103), some("valonly", 1_449 - 1_103)
    train_sbd, train_only = some("trainsbd", 1_464 - 330), some("trainonly", 330)
    rest_train = some("resttrain", 5_623 - len(train_sbd))
    rest_val = some("restval", 5_732 - len(val_sbd))
    return {
        "sbd": val_sbd + train_sbd + rest_train + rest_val,
        "main_train": train_sbd + train_only + rest_train + some("unlabelledtrain", 94),
        "main_val": val_sbd + val_only + rest_val + some("unlabelledval", 91),
        "seg_train": train_sbd + train_only,
        "seg_val": val_sbd + val_only,
    }


def test_the_counts_of_the_paper_follow_from_the_downloads() -> None:
    lists = paper_lists(**made_up())
    assert len(lists.sbd) == 11_355
    assert len(lists.trainaug) == 10_582
    assert len(lists.seg_val) == 1_449
    assert (len(lists.sds_train), len(lists.sds_val)) == (5_623, 5_732)
    assert set(lists.sds_train) | set(lists.sds_val) == set(lists.sbd)
    assert not set(lists.trainaug) & set(lists.seg_val)
    assert set(made_up()["seg_train"]) < set(lists.trainaug)
    assert list(lists.trainaug) == sorted(lists.trainaug)


@pytest.mark.parametrize(
    ("source", "title", "found", "expected"),
    [
        ("sbd", "SBD's annotated pictures", 11_354, 11_355),
        ("main_train", "SDS train, SBD and VOC 2012 Main/train in common", 5_622, 5_623),
        ("main_val", "SDS val, SBD and VOC 2012 Main/val in common", 5_731, 5_732),
        ("seg_train", "VOC 2012 segmentation train", 1_463, 1_464),
        ("seg_val", "VOC 2012 segmentation val", 1_448, 1_449),
    ],
)
def test_a_missing_name_is_noticed(source: str, title: str, found: int, expected: int) -> None:
    lists = made_up()
    lists[source] = lists[source][1:]
    with pytest.raises(BadInput, match=f"^{title}: {found} pictures, expected {expected}"):
        paper_lists(**lists)


def test_right_counts_with_wrong_overlaps_are_noticed() -> None:
    lists = made_up()
    lists["seg_val"] = [*lists["seg_val"][:-1], "restval_00000"]  # 1,449 still, one more of them in SBD
    with pytest.raises(BadInput, match="segmentation val and SBD in common: 1104 pictures, expected 1103"):
        paper_lists(**lists)
    lists = made_up()
    lists["main_val"] = [*lists["main_val"], "resttrain_00000"]
    lists["main_val"].remove("restval_00000")  # 5,732 still, one of them in both
    with pytest.raises(BadInput, match="SDS train and SDS val in common: 1 pictures, expected 0"):
        paper_lists(**lists)
    lists = made_up()
    lists["main_train"][0], swapped = "valsbd_00000", lists["main_train"][0]
    lists["main_val"][0] = swapped
    with pytest.raises(BadInput, match="SDS train and VOC 2012 segmentation val in common: 1 pictures"):
        paper_lists(**lists)


def test_lists_are_read_from_the_two_folders(tmp_path: Path) -> None:
    lists = made_up()
    voc, sbd = tmp_path / "VOC2012", tmp_path / "sbd"
    places = {
        voc / "ImageSets" / "Main" / "train.txt": lists["main_train"],
        voc / "ImageSets" / "Main" / "val.txt": lists["main_val"],
        voc / "ImageSets" / "Segmentation" / "train.txt": lists["seg_train"],
        voc / "ImageSets" / "Segmentation" / "val.txt": lists["seg_val"],
        sbd / "train.txt": lists["sbd"][:8_498],
        sbd / "val.txt": lists["sbd"][8_498:],
    }
    for path, names in places.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(names) + "\n\n")
    assert read_paper_lists(voc, sbd) == paper_lists(**lists)
    (sbd / "val.txt").unlink()
    with pytest.raises(BadInput, match=r"val\.txt: No such file or directory, expected a list of pictures"):
        read_paper_lists(voc, sbd)


def test_bad_lists_are_named(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_bytes(b"\xef\xbb\xbfa\r\n\r\n b \r\n")
    assert read_names(path) == ["a", "b"]
    for data, message in (
        (b"\n \n", "no name in it"),
        (b"a\nb\na\n", "a stands there twice"),
        (b"\xff\xd8\xff", "not a text file"),
    ):
        path.write_bytes(data)
        with pytest.raises(BadInput, match=rf"list\.txt: {message}"):
            read_names(path)


def test_trained_pictures_are_not_scored() -> None:
    lists = paper_lists(**made_up())
    check_scoring(lists.trainaug, lists.seg_val, "mIoU")
    check_scoring(lists.sds_train, lists.sds_val, "AP^r")
    check_scoring(lists.sds_train, lists.seg_val, "mIoU")
    with pytest.raises(BadInput, match=r"^AP\^r: 4629 of the 5732 pictures .* expected none$"):
        check_scoring(lists.trainaug, lists.sds_val, "AP^r")
    check_scoring([], lists.sds_val, "AP^r")
    with pytest.raises(BadInput, match=r"^mIoU: 1 of the 2 pictures .*\(b is one\)"):
        check_scoring(["a", "b"], ["b", "c"], "mIoU")


def test_what_is_set_aside_depends_on_the_name_alone() -> None:
    # First 8 bytes of `printf %s NAME | sha256sum`, modulo 5.
    names = ("a", "b", "c", "nucleus", "nucleus 1")
    assert [set_aside(name) for name in names] == [True, False, True, True, False]
    share = np.mean([set_aside(str(number)) for number in range(10_000)])
    assert share == pytest.approx(0.2, abs=0.012)  # three standard deviations
