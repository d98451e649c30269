"""Whether arguments are what a docstring says: arrays and tensors of a shape and a type, checked where they come in.

A label map given as floats, a mask as 0 and 255, an array where a tensor belongs: left alone, each would be cut off,
wrap around, or fail far from the one who gave it. A function says in a line what it takes, in the words of its
docstring, and what is something else is refused with its name, what was found and what was expected.

Only types and shapes are looked at, which a tensor knows without its values: no device is waited for, and a check takes
some millionths of a second. Nothing is converted here.

Built in chapter 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

FLOAT = ("float32", "float64", "float16", "bfloat16")
INTEGER = ("uint8", "int64", "int32", "int16", "int8")
UNSIGNED = ("uint16", "uint32", "uint64")  # with these torch can hardly compute
NOT_EMPTY = ", not empty"
GROUPS = {
    "float": FLOAT,
    "integer": (*INTEGER, *UNSIGNED),
    "any type": (*FLOAT, *INTEGER, *UNSIGNED, "bool"),
}


class Expected(NamedTuple):
    """What an argument shall be.

    sides: of each dimension its length where that is fixed, or a letter for the same length everywhere; "C + 1" is a
        length of 1 or more
    more: whether any other dimensions may come before them
    elements: whether there must be some
    arrays: the types that an array may have, its bytes in this machine's order
    tensors: the types that a tensor may have
    words: type and shape, for a message

    Built in chapter 2.
    """

    sides: tuple[int | str, ...]
    more: bool
    elements: bool
    arrays: frozenset[np.dtype[Any]]
    tensors: frozenset[torch.dtype]
    words: str


_READ: dict[str, Expected] = {}  # what was said before, since the same functions are called again and again


def expected(said: str) -> Expected:
    """Read what a docstring says of an argument.

    said: a shape and a type, such as "(N, 4, h, w) float", "(..., h, w) any type", "(k,) integer or bool" or
        "(h, w) uint8, not empty"
    returns: the same, to compare with

    Example:
        >>> expected("(..., 4, k) float").sides, expected("(k,) int64").words
        ((4, 'k'), 'int64 (k,)')

    Built in chapter 2.
    """
    if said not in _READ:
        shape, _, kind = said.removesuffix(NOT_EMPTY).partition(") ")
        sides = [side.strip() for side in shape[1:].split(",") if side.strip()]
        more = sides[:1] == ["..."]
        names = [name for word in kind.split(" or ") for name in GROUPS.get(word, (word,))]
        _READ[said] = Expected(
            tuple(int(side) if side.isdigit() else side for side in sides[more:]),
            more,
            said.endswith(NOT_EMPTY),
            frozenset(np.dtype(name) for name in names if name != "bfloat16"),
            frozenset(getattr(torch, name) for name in names if name not in UNSIGNED),
            f"{kind} {shape})" + NOT_EMPTY * said.endswith(NOT_EMPTY),
        )
    return _READ[said]


def expect_tensors(**arguments: tuple[Any, str]) -> None:
    """Refuse arguments that are no tensors, or not of the shape and type that was said.

    arguments: for each name what was given, and the words for it, as `expected` reads them; a letter stands for the
        same length in all of them
    raises: ValueError naming the first that does not fit

    Example:
        >>> expect_tensors(mask=(torch.zeros(2, 3), "(h, w) bool"))
        Traceback (most recent call last):
            ...
        ValueError: mask: float32 (2, 3), expected bool (h, w)

    Built in chapter 2.
    """
    lengths: dict[int | str, int] = {}
    for name, (value, said) in arguments.items():
        wanted = expected(said)
        if not isinstance(value, Tensor):
            raise ValueError(f"{name}: {_found(value)}, expected a tensor, {wanted.words}")
        if value.dtype not in wanted.tensors or not _fits(value.shape, wanted, lengths):
            raise ValueError(f"{name}: {_found(value)}, expected {_words(wanted, lengths)}")


def expect_arrays(**arguments: tuple[Any, str]) -> None:
    """Refuse arguments that are no arrays of numpy, or not of the shape and type that was said.

    arguments: as in `expect_tensors`
    raises: ValueError naming the first that does not fit

    Example:
        >>> labels, mask = np.zeros((2, 3), np.uint8), np.zeros((2, 2), bool)
        >>> expect_arrays(labels=(labels, "(h, w) integer"), mask=(mask, "(h, w) bool"))
        Traceback (most recent call last):
            ...
        ValueError: mask: bool (2, 2), expected bool (h, w) with h = 2, w = 3

    Built in chapter 2.
    """
    lengths: dict[int | str, int] = {}
    for name, (value, said) in arguments.items():
        wanted = expected(said)
        if not isinstance(value, np.ndarray):
            raise ValueError(f"{name}: {_found(value)}, expected an array, {wanted.words}")
        if value.dtype not in wanted.arrays or not _fits(value.shape, wanted, lengths):
            raise ValueError(f"{name}: {_found(value)}, expected {_words(wanted, lengths)}")


def _fits(shape: Sequence[int], wanted: Expected, lengths: dict[int | str, int]) -> bool:
    """Whether a shape is the one wanted; where it is, the letters' lengths are kept in `lengths`."""
    spare = len(shape) - len(wanted.sides)
    if spare < 0 or (spare > 0 and not wanted.more) or (wanted.elements and 0 in shape):
        return False
    own = dict(lengths)
    for side, length in zip(wanted.sides, shape[spare:]):
        if (side if isinstance(side, int) else own.setdefault(side, length)) != length:
            return False
        if side == "C + 1" and not length:
            return False
    lengths.update(own)
    return True


def _words(wanted: Expected, lengths: dict[int | str, int]) -> str:
    """The words for what was wanted, with the lengths that other arguments have set."""
    known = [f"{side} = {lengths[side]}" for side in wanted.sides if side in lengths]
    return wanted.words + (f" with {', '.join(known)}" if known else "")


def _found(value: Any) -> str:
    """What was given, for a message."""
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    return type(value).__name__
