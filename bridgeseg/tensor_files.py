"""Tensors in files, whole or not at all, and with the system's own word where one cannot be written.

Built in chapter 6.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import torch

from bridgeseg.files import write_atomically


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
