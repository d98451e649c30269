"""Archives of the two downloads, on small zips of the same layout."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest
from small_archives import Members, left, nuclei, pack, pedestrians, png, smooth

from bridgeseg.data import archives
from bridgeseg.data.archives import check_archive, nuclei_from_zip, pedestrians_from_zip
from bridgeseg.data.nuclei import NucleiFolder
from bridgeseg.data.splits import set_aside
from bridgeseg.data.voc import VocFolder
from bridgeseg.structures.labels import BadInput, verify


@pytest.mark.parametrize("top", ["PennFudanPed/", ""])
def test_pedestrians_become_a_folder_of_voc_s_layout(tmp_path: Path, top: str) -> None:
    archive = pack(tmp_path / "PennFudanPed.zip", pedestrians(top=top))
    out = pedestrians_from_zip(archive, tmp_path / "data" / "pedestrians", count=6)
    assert left(out) == ["ImageSets", "JPEGImages", "SegmentationObject", "classes.txt"]
    names = []
    for split in ("train", "val"):
        dataset = VocFolder(out, split)
        assert dataset.categories == ("background", "pedestrian")
        assert {set_aside(name) for name in dataset.names} == {split == "val"}
        names += dataset.names
        for index, name in enumerate(dataset.names):
            number = int(name[-5:])
            sample = verify(dataset[index], name, count=1)
            expected = np.zeros((30, 40), np.int32)
            expected[5:25, 4:12], expected[8:28, 20 + number : 30] = 1, 2
            np.testing.assert_array_equal(sample.instances, expected)
            np.testing.assert_array_equal(sample.categories, expected > 0)
            assert np.abs(sample.picture.astype(int) - smooth(number, 30, 40)).mean() < 3
            assert (out / "JPEGImages" / f"{name}.jpg").read_bytes().startswith(b"\xff\xd8\xff")
    assert sorted(names) == [f"FudanPed{number:05}" for number in range(6)]
    assert (
        out.stat().st_mode & 0o055 == (tmp_path / "data").stat().st_mode & 0o055
    )  # others may look, as elsewhere


@pytest.mark.parametrize("top", ["stage1_train/", ""])
def test_nuclei_become_a_folder_that_the_reader_reads(tmp_path: Path, top: str) -> None:
    archive = pack(tmp_path / "stage1_train.zip", nuclei(top=top))
    out = nuclei_from_zip(archive, tmp_path / "nuclei", count=4)
    dataset = NucleiFolder(out, "all")
    assert dataset.names == [f"{number:064x}" for number in range(4)]
    for number, sample in enumerate(map(dataset.__getitem__, range(4))):
        assert sample.instances.max() == number + 1
        assert (sample.instances[:3, 2:9] == 1).all()
    assert not list(out.rglob(".*"))


@pytest.mark.parametrize(
    ("convert", "members", "kind"), [(pedestrians_from_zip, pedestrians(), 6), (nuclei_from_zip, nuclei(), 4)]
)
def test_counts_are_checked_and_nothing_is_left(tmp_path: Path, convert, members: Members, kind: int) -> None:  # type: ignore[no-untyped-def]
    archive = pack(tmp_path / "a.zip", members)
    with pytest.raises(BadInput, match=rf"a\.zip: {kind} pictures, expected (170|670)"):
        convert(archive, tmp_path / "out")
    with pytest.raises(BadInput, match=r"0 pictures, expected at least one"):
        convert(pack(tmp_path / "b.zip", {"readme.txt": b""}), tmp_path / "out", count=None)
    assert left(tmp_path) == ["a.zip", "b.zip"]
    convert(archive, tmp_path / "out", count=None)
    with pytest.raises(BadInput, match="out: exists, expected a new folder"):
        convert(archive, tmp_path / "out", count=None)


def test_missing_parts_are_named_and_nothing_is_left(tmp_path: Path) -> None:
    members = pedestrians()
    del members["PennFudanPed/PedMasks/FudanPed00003_mask.png"]
    with pytest.raises(BadInput, match="no PedMasks/FudanPed00003_mask.png"):
        pedestrians_from_zip(pack(tmp_path / "a.zip", members), tmp_path / "out", count=6)
    members["PennFudanPed/PedMasks/FudanPed00003_mask.png"] = png(np.zeros((40, 30), np.uint8), palette=True)
    with pytest.raises(BadInput, match=r"FudanPed00003_mask.png is \(40, 30\), its picture \(30, 40\)"):
        pedestrians_from_zip(pack(tmp_path / "a.zip", members), tmp_path / "out", count=6)
    members["PennFudanPed/PedMasks/FudanPed00003_mask.png"] = png(np.zeros((30, 40, 3), np.uint8))
    with pytest.raises(BadInput, match=r"FudanPed00003_mask\.png: a colour PNG"):
        pedestrians_from_zip(pack(tmp_path / "a.zip", members), tmp_path / "out", count=6)
    name = f"{2:064x}"
    members = nuclei()
    del members[f"{name}/images/{name}.png"]
    with pytest.raises(BadInput, match=f"the one picture {name}/images/{name}.png"):
        nuclei_from_zip(pack(tmp_path / "a.zip", members), tmp_path / "out", count=4)
    members = {title: data for title, data in nuclei().items() if f"{name}/masks" not in title}
    with pytest.raises(BadInput, match=f"no {name}/masks"):
        nuclei_from_zip(pack(tmp_path / "a.zip", members), tmp_path / "out", count=4)
    assert left(tmp_path) == ["a.zip"]


def test_broken_archives_are_refused(tmp_path: Path) -> None:
    archive = pack(tmp_path / "a.zip", nuclei())
    whole = archive.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 5):
        archive.write_bytes(whole[:size])
        with pytest.raises(BadInput, match=r"a\.zip: not a whole zip archive"):
            nuclei_from_zip(archive, tmp_path / "out", count=4)
    place = whole.index(b"IDAT") if b"IDAT" in whole else 200
    for position in (place + 4, place + 9):
        archive.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        with pytest.raises(BadInput, match=r"a\.zip: (broken, the checksum|not a whole zip)"):
            check_archive(archive)
    with pytest.raises(BadInput, match=r"absent\.zip: not a whole zip archive .*No such file"):
        check_archive(tmp_path / "absent.zip")
    assert left(tmp_path) == ["a.zip"]


@pytest.mark.parametrize(
    "name", ["../evil/images/evil.png", "/etc/x.png", "a/../../b.png", "..\\b.png", "C:/b.png"]
)
def test_members_that_lead_outside_are_refused(tmp_path: Path, name: str) -> None:
    archive = pack(tmp_path / "inner.zip", nuclei() | {name: b"x"})
    with pytest.raises(BadInput, match="leads outside the archive"):
        nuclei_from_zip(archive, tmp_path / "deep" / "out", count=None)
    assert left(tmp_path) in (["deep", "inner.zip"], ["inner.zip"])
    assert left(tmp_path / "deep") == []


def test_links_and_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    link = zipfile.ZipInfo("a/images/a.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(BadInput, match="leads outside the archive"):
        check_archive(tmp_path / "link.zip")
    monkeypatch.setattr(archives, "LARGEST", 1000)
    with pytest.raises(BadInput, match="1001 bytes when unpacked, expected at most 1000"):
        check_archive(pack(tmp_path / "bomb.zip", {"zeros": bytes(1001)}))
