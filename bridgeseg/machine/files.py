"""Writing files so that a reader never sees half of one.

Built in chapter 6.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import torch


def write_atomically(path: str | Path, write: Callable[[BinaryIO], object]) -> Path:
    """Write a file under a temporary name beside its place, then rename it into place.

    path: where the file shall stand; its folder is made if need be
    write: called with the open temporary file, to fill it
    returns: the path
    raises: OSError as the system gives it (disk full, no permission); the old file, if any, is then untouched and
        the temporary one is gone

    Built in chapter 6.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


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
