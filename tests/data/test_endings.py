"""Files are found below a folder and its links, each once, and what is not read is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridgeseg.data.endings import by_stem, standing, walk
from bridgeseg.data.findings import Findings
from bridgeseg.structures.labels import BadInput


def files(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")


def test_links_to_folders_are_entered_and_every_folder_comes_once(tmp_path: Path) -> None:
    root, elsewhere = tmp_path / "root", tmp_path / "elsewhere"
    files(root, "z/1.json", "b.json", "b.txt", ".c.json", ".d/3.json", "__MACOSX/4.json", "z/y/5.JSON")
    files(elsewhere, "2.json", "in/6.json")
    (root / "a").symlink_to(root / "z")  # sorts before the folder, whose own name is kept
    (root / "link").symlink_to(elsewhere)
    (root / "link2").symlink_to(elsewhere)
    (root / "z" / "up").symlink_to(root)
    (elsewhere / "back").symlink_to(root / "z")
    (root / "gone").symlink_to("nowhere")
    found = [path.relative_to(root).as_posix() for path in walk(root, (".json",))]
    assert found == ["b.json", "z/1.json", "z/y/5.JSON", "link/2.json", "link/in/6.json"]


def test_the_root_may_be_a_link(tmp_path: Path) -> None:
    files(tmp_path / "there", "a.png")
    (tmp_path / "here").symlink_to(tmp_path / "there")
    assert list(walk(tmp_path / "here", (".png",))) == [tmp_path / "here" / "a.png"]
    with pytest.raises(BadInput, match="cannot be listed"):
        list(walk(tmp_path / "absent", (".png",)))


def test_every_file_of_a_folder_is_read_or_counted(tmp_path: Path) -> None:
    files(tmp_path, "a.png", "A.PNG", "b.txt", "._a.png", ".notes", "c/1.png")
    (tmp_path / "d.png").symlink_to("nowhere")
    findings = Findings()
    found = by_stem(standing(tmp_path, (".png",), findings), findings)
    assert found == {"a": tmp_path / "A.PNG"}
    assert findings.lines() == [
        f"hidden files passed over in {tmp_path.name}/: 1 (._a.png)",
        f"files and folders passed over in {tmp_path.name}/: 3 (b.txt, c, d.png)",
        "second files of one name, passed over: 1 (a.png)",
    ]
