"""A file is there whole or not at all; what is no file, and a link, keep what they are."""

from __future__ import annotations

import errno
import os
import signal
import stat
import threading
import zipfile
from pathlib import Path
from typing import BinaryIO

import pytest
import torch

from bridgeseg.machine.files import (
    UNFINISHED,
    read_tensors,
    sweep,
    write_atomically,
    write_tensors,
    write_text,
)

posix = pytest.mark.skipif(os.name != "posix", reason="no such files here")


def hello(file: BinaryIO) -> None:
    file.write(b"hello")


def broken(file: BinaryIO) -> None:
    file.write(b"hel")
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("name", ["a" * 255, "a" * 246 + ".json", "ä" * 127])
def test_a_name_may_be_as_long_as_the_system_allows(name: str, tmp_path: Path) -> None:
    assert write_text(tmp_path / name, "x") == tmp_path / name
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(OSError) as caught:
        write_text(tmp_path / ("a" * 256), "x")
    assert caught.value.errno == errno.ENAMETOOLONG
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, hello)
    with pytest.raises(OSError):
        write_atomically(path, broken)
    assert path.read_bytes() == b"hello"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_process_that_is_killed_leaves_the_old_file(tmp_path: Path) -> None:
    def half(file: BinaryIO) -> None:
        file.write(b"ne")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)

    path = tmp_path / "file"
    path.write_text("old")
    child = os.fork()
    if not child:
        try:
            write_atomically(path, half)
        finally:
            os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    assert path.read_text() == "old"
    (other,) = [other.name for other in tmp_path.iterdir() if other != path]
    assert other.startswith(UNFINISHED)  # by which whoever comes next knows it


@posix
def test_permissions_are_kept_and_those_of_new_files_are_the_system_s(tmp_path: Path) -> None:
    path = tmp_path / "file"
    old = os.umask(0o027)
    try:
        write_text(path, "x")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o604)
        write_text(path, "y")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(old)


@posix
def test_a_symbolic_link_stays_and_its_target_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    target = tmp_path / "there" / "target"
    (tmp_path / "link").symlink_to("there/target")
    (tmp_path / "link of link").symlink_to(tmp_path / "link")
    for text in ("made", "replaced"):  # the first time it dangles
        write_text(tmp_path / "link of link", text)
        assert target.read_text() == text
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "link of link").is_symlink()
    assert list(target.parent.iterdir()) == [target]
    (tmp_path / "ring").symlink_to("ring")
    with pytest.raises(OSError):
        write_text(tmp_path / "ring", "x")


@posix
def test_a_link_to_a_folder_elsewhere_is_followed_too(tmp_path: Path) -> None:
    (tmp_path / "far" / "deep").mkdir(parents=True)
    (tmp_path / "near").symlink_to("far/deep")
    (tmp_path / "far" / "deep" / "link").symlink_to("../target")
    write_text(tmp_path / "near" / "link", "x")
    assert (tmp_path / "far" / "target").read_text() == "x"


@posix
def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    write_atomically(pipe, hello)
    reader.join(20)
    assert read == [b"hello"]
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


@posix
def test_into_a_pipe_goes_nothing_unless_all_is_there() -> None:
    ours, theirs = os.pipe()
    with pytest.raises(OSError):
        write_atomically(f"/dev/fd/{theirs}", broken)
    write_tensors(f"/dev/fd/{theirs}", {"a": 1})  # what is written with a way back goes there too
    os.close(theirs)
    with os.fdopen(ours, "rb") as file:
        assert file.read(2) == b"PK"


@posix
def test_a_device_is_written_into_and_a_full_one_says_so() -> None:
    write_text("/dev/null", "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    if os.path.exists("/dev/full"):
        with pytest.raises(OSError) as caught:
            write_text("/dev/full", "x")
        assert caught.value.errno == errno.ENOSPC


@posix
@pytest.mark.parametrize("flag", [os.O_TRUNC, os.O_APPEND], ids=[">", ">>"])
def test_an_open_file_is_written_into_as_what_is_printed_to_it(flag: int, tmp_path: Path) -> None:
    path, link = tmp_path / "out", tmp_path / "link"
    path.write_text("before\n")
    number = os.open(path, os.O_WRONLY | flag)
    link.symlink_to(f"/dev/fd/{number}")  # as /dev/stdout is one
    for place in (f"/dev/fd/{number}", link):
        write_text(place, "written\n")
        os.write(number, b"printed\n")
    os.close(number)
    assert path.read_text() == ("before\n" if flag == os.O_APPEND else "") + 2 * "written\nprinted\n"
    assert sorted(tmp_path.iterdir()) == [link, path]


def test_a_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        write_atomically(tmp_path, lambda file: pytest.fail("called"))


@pytest.mark.parametrize("older", [False, True])
def test_tensors_come_back_from_a_path_and_from_an_open_file(older: bool, tmp_path: Path) -> None:
    """PyTorch's files from before its version 1.6 are no zip, and torchvision's addresses still have such."""
    values, path = {"a": torch.arange(5.0)}, tmp_path / "a.pt"
    torch.save(values, path, _use_new_zipfile_serialization=not older)
    assert torch.equal(read_tensors(path)["a"], values["a"])
    with path.open("rb") as file:
        assert torch.equal(read_tensors(file)["a"], values["a"])


def test_one_changed_bit_of_a_tensor_is_noticed(tmp_path: Path) -> None:
    tensor = torch.arange(1000.0)
    data = bytearray(write_tensors(tmp_path / "a.pt", {"a": tensor}).read_bytes())
    data[data.index(tensor.numpy().tobytes()) + 2003] ^= 1
    (tmp_path / "a.pt").write_bytes(data)
    assert not torch.equal(torch.load(tmp_path / "a.pt", weights_only=True)["a"], tensor)  # PyTorch does not
    with pytest.raises(zipfile.BadZipFile, match="the checksum of .*/data/0 is wrong"):
        read_tensors(tmp_path / "a.pt")


def test_an_error_names_the_file_and_not_what_it_was_called_before(tmp_path: Path) -> None:
    for path, fill in ((tmp_path / "file", broken), (tmp_path / ("a" * 256), hello)):
        with pytest.raises(OSError) as caught:
            write_atomically(path, fill)
        assert caught.value.filename == str(path)
        assert ".unfinished" not in str(caught.value)


def test_what_killed_processes_left_is_swept_and_nothing_else(tmp_path: Path) -> None:
    for name in (".unfinished-a[1].zip.x", ".unfinished-b", "a[1].zip.y"):
        (tmp_path / name).write_text("x")
    (tmp_path / ".unfinished-a[1].zip.folder" / "below").mkdir(parents=True)
    sweep(tmp_path, "a[1].zip.")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".unfinished-b", "a[1].zip.y"]
    sweep(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a[1].zip.y"]
    sweep(tmp_path / "nowhere")
