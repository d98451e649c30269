"""MATLAB's .mat files, version 5: arrays of numbers out of a struct.

After a head of 128 bytes a file is elements, one after another. An element is a tag, which says what its bytes are and
how many, and then these bytes. An array is an element made of elements: its class, shape and name, then its numbers,
or, of a struct, the names of its fields and an array for each. A compressed element holds another one.

What is damaged says anything, so every count is compared with what is there before it is used. scipy believes some of
them, and where one is wrong the process ends without a word.

Built in chapter 2.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from bridgeseg.structures.labels import BadInput

MOST_BYTES = 1 << 28  # of a file, and of what is compressed in it; SBD's are below 1 MB

_INT32, _UINT32, _MATRIX, _COMPRESSED = 5, 6, 14, 15  # what the bytes of an element are
_NUMBERS = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8"}
_STRUCT, _NUMERIC = 2, range(6, 16)  # classes of arrays
_COMPLEX = 0x0800  # a flag beside the class
_MOST_ELEMENTS = 4096  # of an array, or a file; a struct has one for each field


class _Element(NamedTuple):
    kind: int
    data: memoryview
    order: str  # of the bytes of a number: "<" or ">"


def read_struct(path: str | Path, title: str, fields: Collection[str]) -> dict[str, np.ndarray]:
    """Read arrays of numbers from a struct in a .mat file.

    path: a file of version 5, as MATLAB writes it with -v6 and -v7, and Octave and scipy do too
    title: the variable that is the struct
    fields: which of its fields to read; the others are passed over
    returns: by field an array (h, w) or of more axes, integer or float as stored, read-only; none for a field that the
        struct lacks
    raises: BadInput when the file cannot be read, takes more than MOST_BYTES, is damaged on the way to these arrays,
        has no such struct, or a field is no array of real numbers

    Our choice: not scipy's reader, which a damaged file can make end the process. Built in chapter 2.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        for variable in _variables(data):
            parts = list(_elements(variable.data, variable.order))
            if len(parts) > 2 and parts[2].data == title.encode():
                found = _fields(parts)
                return {name: _array(found[name]) for name in fields if name in found}
    except ValueError as error:
        raise BadInput(f"{path}: cannot be read as a .mat file ({error})") from None
    raise BadInput(f"{path}: no variable {title}, expected a struct of that name")


def _variables(data: bytes) -> Iterator[_Element]:
    """The variables of a file, each an array."""
    if len(data) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES >> 20} MB")
    order = {b"\0\1IM": "<", b"\1\0MI": ">"}.get(data[124:128])  # the version, in the order of the bytes
    if order is None:
        raise ValueError("no head of version 5")
    for element in _elements(memoryview(data)[128:], order):
        for held in _inflated(element) if element.kind == _COMPRESSED else [element]:
            if held.kind != _MATRIX:
                raise ValueError(f"a variable of type {held.kind}, expected an array")
            yield held


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    """The elements that stand one after another in some bytes."""
    place = count = 0
    while place < len(data):
        if len(data) - place < 8 or count == _MOST_ELEMENTS:
            raise ValueError("cut off in a tag" if count < _MOST_ELEMENTS else "too many elements")
        kind, length = struct.unpack_from(f"{order}II", data, place)
        start, left = place + 8, len(data) - place - 8
        if kind >> 16:  # a short one: two bytes each for what and how many, and at most four bytes follow
            kind, length, start, left = kind & 0xFFFF, kind >> 16, place + 4, 4
        if length > left:
            raise ValueError(f"an element of {length} bytes where {left} are left")
        end = start + length
        yield _Element(kind, data[start:end], order)
        place, count = end + (0 if kind == _COMPRESSED else (place - end) % 8), count + 1


def _inflated(element: _Element) -> Iterator[_Element]:
    """What is in a compressed element; zlib's checksum tells that nothing of it is damaged."""
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(element.data, MOST_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if not inflater.eof:
        raise ValueError(f"compressed data that are cut off or take more than {MOST_BYTES >> 20} MB")
    return _elements(memoryview(data), element.order)


def _numbers(element: _Element, kinds: Collection[int] = _NUMBERS) -> np.ndarray:
    """The numbers that an element holds."""
    if element.kind not in kinds:
        raise ValueError(f"numbers of type {element.kind}, expected {', '.join(map(str, kinds))}")
    return np.frombuffer(element.data, np.dtype(element.order + _NUMBERS[element.kind]))


def _head(parts: list[_Element]) -> tuple[int, tuple[int, ...]]:
    """An array's flags, of which the lowest byte is its class, and its shape."""
    flags, shape = _numbers(parts[0], [_UINT32]), _numbers(parts[1], [_INT32])
    if len(flags) != 2 or not len(shape) or shape.min() < 0:
        raise ValueError(f"an array with {len(flags)} flags and the shape {shape.tolist()}")
    return int(flags[0]), tuple(shape.tolist())


def _fields(parts: list[_Element]) -> dict[str, _Element]:
    """The fields of a struct by their names."""
    flags, shape = _head(parts)
    if flags & 0xFF != _STRUCT or math.prod(shape) != 1 or len(parts) < 5:
        raise ValueError(f"class {flags & 0xFF} and shape {shape}, expected one struct")
    width, names, fields = _numbers(parts[3], [_INT32]).tolist(), bytes(parts[4].data), parts[5:]
    if len(width) != 1 or width[0] < 1 or len(names) != width[0] * len(fields):
        raise ValueError(f"{len(names)} letters for the names of {len(fields)} fields")
    each = (names[place : place + width[0]] for place in range(0, len(names), width[0]))
    return {
        name.partition(b"\0")[0].decode("latin1"): field for name, field in zip(each, fields, strict=True)
    }


def _array(element: _Element) -> np.ndarray:
    """The numbers of an array, in its shape."""
    parts = list(_elements(element.data, element.order))
    if element.kind == _MATRIX and not parts:
        return np.zeros((0, 0))  # as MATLAB has []
    if element.kind != _MATRIX or len(parts) != 4:
        raise ValueError(
            f"a field of type {element.kind} and {len(parts)} parts, expected an array of real numbers"
        )
    flags, shape = _head(parts)
    if flags & 0xFF not in _NUMERIC or flags & _COMPLEX:
        raise ValueError(f"a field of class {flags & 0xFF}, expected real numbers")
    numbers = _numbers(parts[3])
    if len(numbers) != math.prod(shape):
        raise ValueError(f"{len(numbers)} numbers for the shape {shape}")
    return numbers.reshape(shape, order="F")
