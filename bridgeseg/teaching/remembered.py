"""What a chapter has trained by itself, kept by what it depends on, so that nothing is trained twice.

`bridgeseg.teaching.cache` keeps the runs of recipes. Here it is a reader's own network, trained by a reader's own
function: the key holds the source of both, and changing a line trains anew. A function that has passed its checkpoint
counts as what it was compared with, so that all who built it rightly, and who were lent it, find the same network.

Built in chapter 4.
"""

from __future__ import annotations

import hashlib
import inspect
import time
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from bridgeseg.machine.environment import cache_folder, device
from bridgeseg.machine.files import write_tensors
from bridgeseg.teaching.cache import alone
from bridgeseg.teaching.checks import counts_as
from bridgeseg.training.trainer import TRAINING_VERSION

KEPT = 8  # results of one name; those used least lately go


def remembered(
    name: str, network: nn.Module, train: Callable[[nn.Module], Sequence[float]], depends: Sequence[object]
) -> tuple[list[float], float]:
    """Train a network, or give it the weights that it had after the same training before.

    name: of the training, for a file
    network: as it begins; it comes back trained
    train: trains the network that it is given, and returns numbers to be kept, the losses for example
    depends: what the training depends on besides the weights that the network begins with: functions, by the source
        of what they count as, see `bridgeseg.teaching.checks.counts_as`; and settings, by how Python shows them
    returns: the numbers; and the seconds that the training took when it was done

    Example:
        >>> import os, tempfile
        >>> from unittest import mock
        >>> with tempfile.TemporaryDirectory() as place, mock.patch.dict(os.environ, BRIDGESEG_CACHE=place):
        ...     [remembered("short", nn.Flatten(), lambda network: [0.5], ["a setting"])[0] for _ in range(2)]
        [[0.5], [0.5]]

    Another process that trains the same is waited for. Built in chapter 4.
    """
    key = _key(network, depends)
    file = cache_folder() / "chapters" / f"{name}-{key}.pt"
    with alone(file):
        if file.exists():
            kept = torch.load(file, map_location=device(), weights_only=True)
            network.load_state_dict(kept["state"])
            file.touch()
        else:
            began = time.monotonic()
            numbers = [float(value) for value in train(network)]
            kept = {"numbers": numbers, "seconds": time.monotonic() - began, "state": network.state_dict()}
            write_tensors(file, kept)
            same = sorted(
                file.parent.glob(f"{name}-{'?' * len(key)}.pt"), key=lambda path: -path.stat().st_mtime
            )
            for old in same[KEPT:]:
                old.unlink(missing_ok=True)
    return kept["numbers"], kept["seconds"]


def _key(network: nn.Module, depends: Sequence[object]) -> str:
    """Twelve hexadecimal digits of what a training begins with and depends on."""
    found = hashlib.sha256(f"{TRAINING_VERSION}\0{device().type}\0{torch.__version__}\0{network}".encode())
    for name, values in network.state_dict().items():
        found.update(name.encode() + values.detach().cpu().numpy().tobytes())
    for each in depends:
        found.update(b"\0" + _told(each).encode())
    return found.hexdigest()[:12]


def _told(each: object) -> str:
    """What a key says of a function or a setting."""
    if isinstance(each, partial):
        return "\0".join([_told(each.func), *map(_told, each.args), repr(each.keywords)])
    return inspect.getsource(counts_as(each)) if callable(each) else repr(each)
