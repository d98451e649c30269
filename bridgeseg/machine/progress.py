"""How far a long piece of work is: a bar in a terminal, a line now and then in a log file.

Built in chapter 6.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[float, str], None]
"""What long work calls now and then, with the share of it that is done, 0…1, and a line of text."""

STEP = 0.1  # share of the work from line to line, where there is no terminal
PAUSE = 30.0  # or so many seconds


def silent(share: float, text: str) -> None:
    """Say nothing: the progress of whoever does not ask for one.

    share: of the work that is done, 0…1
    text: a line

    Built in chapter 6.
    """


class Bar:
    """Progress on a stream; call it with the share done and a line of text.

    stream: where it is written; standard error by default, so that results can be piped
    quiet: without a terminal say nothing in the first half minute, and then only every half minute

    In a terminal one line is written over again and again. Elsewhere a line follows every tenth of the work or every
    half minute, whichever comes first.

    Example:
        >>> bar = Bar(sys.stdout)
        >>> for step in (1, 2, 10):
        ...     bar(step / 10, f"step {step} of 10")
         10%  step 1 of 10
         20%  step 2 of 10
        100%  step 10 of 10
        >>> bar.close()

    Built in chapter 6.
    """

    def __init__(self, stream: TextIO | None = None, quiet: bool = False) -> None:
        self.stream = sys.stderr if stream is None else stream
        self.terminal = self.stream.isatty()
        self._share, self._time = (1.0, time.monotonic()) if quiet else (-1.0, -PAUSE)
        self._open = False

    def __call__(self, share: float, text: str) -> None:
        """Say that a share of the work is done, 0…1."""
        now = time.monotonic()
        if self.terminal:
            width = shutil.get_terminal_size().columns
            full = round(20 * share)
            line = f"{'█' * full}{'░' * (20 - full)} {share:4.0%}  {text}"
            self.stream.write(f"\r{line[: width - 1]}\033[K")
            self._open = True
        elif share - self._share >= STEP or now - self._time >= PAUSE:
            self.stream.write(f"{share:4.0%}  {text}\n")
            self._share, self._time = max(share, self._share), now
        self.stream.flush()

    def close(self) -> None:
        """End the line of the bar, if there is one."""
        if self._open:
            self.stream.write("\n")
            self.stream.flush()
            self._open = False
