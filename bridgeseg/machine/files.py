"""Files written so that a reader never sees half of one, and tensors read only as they were written.

Built in chapter 6.
"""

from __future__ import annotations

import errno
import glob
import io
import os
import re
import shutil
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch

# A temporary file's name begins so. Nothing of the file's own name follows, since that may be of the greatest length.
UNFINISHED = ".unfinished-"
# Where the system shows a process's own open files: Linux, and others.
_DESCRIPTORS = re.compile(r"(/proc/\d+(/task/\d+)?|/dev)/fd")
_ZIP = b"PK\3\4"


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write a file under a temporary name beside its place, then rename it into place.

    path: where the file shall stand; its folder is made if need be. Of a symbolic link the target is written, and the
        link stays. Into a device, a pipe, or an open file of this process (/dev/stdout, /dev/fd/3) the content goes
        at once when it is whole, without a rename
    write: called with the open temporary file, to fill it
    returns: the path
    raises: OSError as the system gives it (disk full, no permission), which names the file, IsADirectoryError for a
        folder; the old file, if any, is then untouched and the temporary one is gone

    The permissions are those of the file that was there, or those that the system gives new files. Built in chapter 6.
    """
    path = Path(path)
    try:
        _write(path, write)
    except OSError as error:
        # Of a write the system does not say where, and a temporary name says nothing to anybody.
        if error.filename is None or Path(os.fsdecode(error.filename)).name.startswith(UNFINISHED):
            error.filename, error.filename2 = str(path), None
        raise
    return path


def _write(path: Path, write: Callable[[BinaryIO], object]) -> None:
    descriptor, place = _followed(path)
    if descriptor is not None:
        _pour(lambda: os.fdopen(os.dup(descriptor), "wb"), write)
        return
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        place.parent.mkdir(parents=True, exist_ok=True)
        umask = os.umask(0)
        os.umask(umask)
        mode = stat.S_IFREG | 0o666 & ~umask
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not stat.S_ISREG(mode):
        _pour(lambda: place.open("wb"), write)
        return
    number, temporary = tempfile.mkstemp(dir=place.parent, prefix=UNFINISHED)
    try:
        with os.fdopen(number, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode & 0o777)
        os.replace(temporary, place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def sweep(folder: Path, name: str = "") -> None:
    """Remove the temporary files and folders that killed processes left in a folder.

    folder: it need not exist; of what is removed nobody writes anything meanwhile
    name: with which their names go on

    Built in chapter 6.
    """
    for left in [*folder.glob(f"{UNFINISHED}{glob.escape(name)}*")]:
        if left.is_dir():
            shutil.rmtree(left)
        else:
            left.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> Path:
    """Write a text file, UTF-8.

    path, returns, raises: as in `write_atomically`
    text: what it shall hold
    """
    return write_atomically(path, lambda file: file.write(text.encode()))


def write_tensors(path: str | Path, values: dict[str, Any]) -> Path:
    """Write what `torch.load` with `weights_only` reads back.

    path: where the file shall stand
    values: tensors, numbers, texts, and lists and dictionaries of them
    returns: the path
    raises: OSError as the system gives it, for example when the disk is full; `torch.save` into a file of its own makes
        something unreadable of that

    Built in chapter 6.
    """
    buffer = io.BytesIO()
    torch.save(values, buffer)
    return write_atomically(path, lambda file: file.write(buffer.getbuffer()))


def read_tensors(file: str | Path | BinaryIO, device: torch.device | str = "cpu") -> Any:
    """Read what `write_tensors` wrote, or `torch.save`, unless a byte of it has changed; it runs no code.

    file: where it stands, or the file itself, open for reading at its beginning
    device: where the tensors shall be
    returns: the values
    raises: OSError, BadZipFile where a checksum is wrong, and whatever else the bytes suggest to PyTorch

    PyTorch writes a zip archive and does not look at its checksums: a network with a changed weight would answer
    something else. Files from before its version 1.6 have none. Built in chapter 6.
    """
    if isinstance(file, str | Path):
        with Path(file).open("rb") as opened:
            return read_tensors(opened, device)
    zipped = file.read(len(_ZIP)) == _ZIP
    file.seek(0)
    if zipped:
        with zipfile.ZipFile(file) as archive:
            if (broken := archive.testzip()) is not None:
                raise zipfile.BadZipFile(f"the checksum of {broken} is wrong")
        file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of strange pickles before it refuses them
        return torch.load(file, map_location=device, weights_only=True)


def _followed(path: Path) -> tuple[int | None, Path]:
    """Where a path's symbolic links lead: to an open file of this process, by its number, or to a place.

    To follow such a link further would find the file that a shell has opened for us, and a rename would put another in
    its place: what is printed afterwards would be lost.
    """
    for _ in range(40):  # links in a row; the system follows as many
        folder = os.path.realpath(path.parent)
        if _DESCRIPTORS.fullmatch(folder) and path.name.isdigit():
            if not folder.startswith("/proc/") or folder.split("/")[2] == str(os.getpid()):
                return int(path.name), path
            return None, path
        if not path.is_symlink():
            break
        path = Path(folder, os.readlink(path))
    return None, path


def _pour(opened: Callable[[], BinaryIO], write: Callable[[BinaryIO], object]) -> None:
    """Write into what cannot be renamed, when all is there to be written: it may be a pipe, without a way back."""
    with tempfile.TemporaryFile() as whole:
        write(whole)
        whole.seek(0)
        with opened() as file:
            shutil.copyfileobj(whole, file)
