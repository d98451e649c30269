"""Does a function that a reader built do what the package's does? Where not: on which input, and what came out.

Built in chapter 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from bridgeseg.structures.labels import as_array
from bridgeseg.teaching.mistakes import mistake
from bridgeseg.teaching.unwritten import unwritten

LONGEST = 160  # characters of a value that a message shows
MOST = 6  # values that it shows of a list of them
NOISE = (2, 13, 18)  # pictures, rows and columns that two networks are asked about

_passed: WeakKeyDictionary[Callable[..., Any], Callable[..., Any]] = WeakKeyDictionary()


def agree(
    built: Callable[..., Any],
    reference: Callable[..., Any],
    cases: Iterable[tuple[Any, ...]],
    within: float = 1e-5,
) -> None:
    """Compare a function with another on some inputs, and print on how many they agree.

    built: the reader's function
    reference: what it should do
    cases: the arguments of each call
    within: how far a number may be from the reference's, absolutely or as a share of it
    raises: AssertionError that shows the first input they disagree on, what came out and what was expected, and the
        known mistake that comes to the same, where one does; where the reader's function raises, its exception is
        the cause, and the message shows the input; NotImplementedError where it is still to be written; ValueError
        when there is no case

    Example:
        >>> def twice(values):
        ...     return values + values
        >>> agree(twice, lambda values: 2 * values, [(3,), (torch.ones(2),)])
        twice agrees with the package in 2 cases

    Results may be tensors, arrays, numbers, networks, or tuples and lists of these. A function that passed counts as
    the reference from then on, see `counts_as`. Built in chapter 1.
    """
    name, tried = getattr(built, "__name__", "the function"), []
    for number, arguments in enumerate(cases, 1):
        tried.append(arguments)
        expected = reference(*arguments)
        try:
            found = built(*arguments)
        except Exception as error:
            if unwritten(error):
                raise
            # In the message and not in a note of the exception's: the IPython of Colab shows no notes.
            raise AssertionError(
                f"{name} raises {type(error).__name__} in case {number}: {error}\n"
                f"  input     {_shown(arguments)}{_perhaps(built, reference, tried, within)}"
            ) from error
        if reason := difference(found, expected, within):
            raise AssertionError(
                f"{name} differs in case {number}: {reason}\n"
                f"  input     {_shown(arguments)}\n"
                f"  came out  {_shown(found)}\n"
                f"  expected  {_shown(expected)}{_perhaps(built, reference, tried, within)}"
            )
    if not tried:
        raise ValueError("cases: none, expected at least one")
    _passed[built] = reference
    print(f"{name} agrees with the package in {len(tried)} cases")


def counts_as(built: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a function does the same as: the reference that it was last found to agree with, or itself.

    built: the reader's function, or any other

    Example:
        >>> def twice(values):
        ...     return values + values
        >>> counts_as(twice) is twice
        True
        >>> agree(twice, abs, [(0,)])
        twice agrees with the package in 1 cases
        >>> counts_as(twice)
        <built-in function abs>

    Whoever wrote it, what such a function trains is the same. Built in chapter 1.
    """
    return _passed.get(built, built)


def difference(found: Any, expected: Any, within: float = 1e-5) -> str:
    """Return in what a result differs from the one expected, or nothing where it does not.

    found: what came out
    expected: what should have: a tensor, an array, a number, a network, or a tuple or list of these
    within: as in `agree`
    returns: a text that names the place, empty where nothing differs

    Networks are compared by their weights' shapes, in their order, and by what both answer to the same noise with the
    same weights, while training and afterwards; both have drawn weights then. Built in chapter 1.
    """
    if isinstance(expected, nn.Module):
        return _of_networks(found, expected, within)
    if isinstance(expected, tuple | list):
        if not isinstance(found, tuple | list) or len(found) != len(expected):
            count = len(found) if isinstance(found, tuple | list) else "no"
            return f"{count} results, expected {len(expected)}"
        parts = (difference(f, e, within) for f, e in zip(found, expected))
        return next((f"result {n}: {text}" for n, text in enumerate(parts, 1) if text), "")
    if found is None:
        return "nothing was returned"
    mine, wanted = as_array(found), as_array(expected)
    if mine.shape != wanted.shape:
        return f"shape {mine.shape}, expected {wanted.shape}"
    if (mine.dtype.kind in "iub") != (wanted.dtype.kind in "iub"):
        return f"type {mine.dtype}, expected {wanted.dtype}"
    wrong = ~np.isclose(mine.astype(np.float64), wanted.astype(np.float64), within, within, equal_nan=True)
    if not wrong.any():
        return ""
    count = f"{int(wrong.sum())} of {wrong.size} numbers"
    if not wrong.ndim:
        return count
    first = tuple(np.argwhere(wrong)[0].tolist())
    return f"{count}, the first at {list(first)}: {mine[first]}, expected {wanted[first]}"


def _of_networks(found: Any, expected: nn.Module, within: float) -> str:
    """In what two networks differ that have the same weights."""
    if not isinstance(found, nn.Module):
        return "no network was returned"
    mine, wanted = _weights(found), _weights(expected)
    shapes, should = ([tuple(each.shape) for each in weights] for weights in (mine, wanted))
    if shapes != should:
        return next(
            (
                f"weight {n} has the shape {s}, expected {t}"
                for n, (s, t) in enumerate(zip(shapes, should), 1)
                if s != t
            ),
            f"{len(shapes)} weights, expected {len(should)}",
        )
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for one, other in zip(mine, wanted):
            # Not as they are drawn for a training: there a scale of 1 and a shift of 0 would hide what is done to them.
            spread = 1 / max(1.0, float(one[0].numel()) ** 0.5)
            drawn = 0.5 + torch.rand(one.shape, generator=generator) if one.dim() == 1 else None
            drawn = spread * torch.randn(one.shape, generator=generator) if drawn is None else drawn
            one.copy_(drawn), other.copy_(drawn)
        noise = torch.randn(NOISE[0], shapes[0][1], *NOISE[1:], generator=generator)
        for training in (True, False):
            answer, right = (network.cpu().train(training)(noise.clone()) for network in (found, expected))
            if reason := difference(answer, right, within):
                return f"with the same weights, {'in training' if training else 'after training'}: {reason}"
    return ""


def _weights(network: nn.Module) -> list[Tensor]:
    """The weights and statistics of a network in their order, without counters."""
    return [each for each in network.state_dict().values() if each.is_floating_point()]


def _perhaps(
    built: Callable[..., Any], reference: Callable[..., Any], tried: list[tuple[Any, ...]], within: float
) -> str:
    """A line that names the known mistake, or nothing."""
    named = mistake(built, reference, tried, partial(difference, within=within))
    return f"\n  perhaps   {named}" if named else ""


def _shown(value: Any) -> str:
    if isinstance(value, nn.Module):
        shapes = [str(tuple(each.shape)) for each in value.parameters()]
        rest = f" … and {len(shapes) - MOST} more" if len(shapes) > MOST else ""
        return f"a network with weights {' '.join(shapes[:MOST])}{rest}"
    if isinstance(value, tuple | list):
        more = [f"… and {len(value) - MOST} more"] if len(value) > MOST else []
        return ", ".join([*map(_shown, value[:MOST]), *more])
    if not isinstance(value, Tensor | np.ndarray):
        return " ".join(repr(value).split())[:LONGEST]
    values = np.array2string(as_array(value), precision=4, threshold=24, separator=", ").replace("\n", "")
    kind = str(value.dtype).removeprefix("torch.")
    text = values if len(values) <= LONGEST else f"{values[:LONGEST]}…"
    return f"{kind} {tuple(value.shape)} {text}" if torch.is_tensor(value) or value.ndim else text
