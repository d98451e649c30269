"""Ctrl-C while a training runs: it ends after the step that it is in, its state saved.

Built in chapter 6.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager

from bridgeseg.machine.distributed import processes
from bridgeseg.training.trainer import Trainer


@contextmanager
def stopped_by_ctrl_c(trainer: Trainer) -> Iterator[None]:
    """Let the first Ctrl-C stop a training after the step that it is in; a second stops at once.

    trainer: whose `stop` is set
    returns: a context

    Only the main thread may listen, and of several processes none does: it would leave the others waiting.
    Built in chapter 6.
    """

    def ask(number: int, frame: object) -> None:
        trainer.stop = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.getsignal(signal.SIGINT)
    mine = processes() == 1 and before is signal.default_int_handler
    try:
        if mine:
            signal.signal(signal.SIGINT, ask)
    except ValueError:  # not the main thread
        mine = False
    try:
        yield
    finally:
        if mine:
            signal.signal(signal.SIGINT, before)
