"""Stopping a training from the keyboard without losing what it has learnt.

Built in chapter 6.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bridgeseg.distributed import processes
from bridgeseg.training import Progress, Trainer


@contextmanager
def interruptible(progress: Progress) -> Iterator[tuple[Progress, Callable[[Trainer], None]]]:
    """Let the first Ctrl-C wait until a step is whole, save the state, and only then stop; a second stops at once.

    progress: called as before
    returns: a context with the progress function to hand on, and a function that is to be given the trainer

    Between two lines of the log a step may be half done, and the state of that moment is one that no run passes
    through.
    Built in chapter 6.
    """
    trainers: list[Trainer] = []
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def tell(share: float, text: str) -> None:
        progress(share, text)
        if asked and trainers:
            trainers[0].save()
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    try:
        # Only the main thread may set it, and a process among several must not wait for the others.
        mine = processes() == 1 and before is signal.default_int_handler
        if mine:
            signal.signal(signal.SIGINT, ask)
    except ValueError:
        mine = False
    try:
        yield tell, trainers.append
    finally:
        if mine:
            signal.signal(signal.SIGINT, before)
