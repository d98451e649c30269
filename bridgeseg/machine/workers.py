"""Worker processes: a function called for one number after the other, in several processes, the answers in order.

Built in chapter 6.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from bridgeseg.structures.labels import BadInput

Made = TypeVar("Made")

WAITING = 2  # answers that a worker may have ready before they are asked for
FORKS = sys.platform == "linux"  # elsewhere forking is unsafe or unknown
SHARED = Path("/dev/shm")  # where answers wait


def cores() -> int:
    """Return how many cores this process may use.

    Built in chapter 6.
    """
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def worthwhile(answer: int, processes: int = 1) -> int:
    """Return how many workers are worth having for a process that has a network to feed, 0 where there can be none.

    answer: bytes of one
    processes: that share this machine
    returns: at most 8; a core each, and one is left over; no more than half of shared memory holds the answers of,
        since a container often has 64 MB of that, and a process that wants more is killed

    Our choice. Built in chapter 6.
    """
    if not (FORKS and SHARED.is_dir()):
        return 0
    room = shutil.disk_usage(SHARED).free // 2 // (answer * WAITING * processes)
    return min(8, max(1, cores() // processes - 1), room)


def in_workers(
    make: Callable[[int], Made], order: Iterable[int], workers: int, *, pinned: bool = False
) -> Generator[Made, None, None]:
    """Yield what a function makes of one number after the other, made ahead in worker processes.

    make: the function; tensors in its answer come back through shared memory, which the answers that wait must fit into
    order: the numbers; they may go on without end
    workers: processes; with 0, and where the system is not Linux, each answer is made here when it is asked for
    pinned: tensors are copied into memory that a GPU reads without waiting
    returns: the answers, in the order of the numbers
    raises: BadInput as the function raises it

    The workers end with the generator, and within seconds of a process that is killed.

    Built in chapter 6.
    """
    # Forked, since a worker that begins anew (spawn, forkserver) would run the reader's script a second time, unless
    # that has a guard, and hold a PyTorch of its own. What makes forking risky is kept away: a worker calls no GPU,
    # computes in one thread, and begins while this process waits.
    forked = workers > 0 and FORKS
    loader: DataLoader[Any] = DataLoader(
        _Answers(make),
        batch_size=None,
        sampler=order,
        num_workers=workers if forked else 0,
        multiprocessing_context="fork" if forked else None,
        prefetch_factor=WAITING if forked else None,
        worker_init_fn=_begin if forked else None,
        pin_memory=pinned,
        generator=torch.Generator(),  # its own, or it would take a number out of the one that weights are drawn from
    )
    for answer in loader:
        if isinstance(answer, BadInput):
            raise BadInput(str(answer))
        yield answer


class _Answers(Dataset[Any], Generic[Made]):
    """A function as PyTorch's data set; what is wrong with an input is an answer too, lest it come with a traceback."""

    def __init__(self, make: Callable[[int], Made]) -> None:
        self.make = make

    def __getitem__(self, number: int) -> Made | BadInput:
        try:
            return self.make(number)
        except BadInput as error:
            return error


def _begin(worker: int) -> None:
    # Ctrl-C in a terminal reaches every process; the trainer finishes its step and asks for no more.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
