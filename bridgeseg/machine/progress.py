"""How far a long piece of work is: a bar in a terminal, a line now and then in a log file.

Built in chapter 6.
"""

from __future__ import annotations

import math
import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

Progress = Callable[[float, str], None]
"""What long work calls now and then, with the share of it that is done, 0…1, and a line of text."""

STEP = 0.1  # share of the work from line to line, where there is no terminal
PAUSE = 30.0  # or so many seconds
SPAN = 60.0  # seconds of work, the last ones, by which it is said how long the rest takes
LEAST = 3.0  # seconds of work before anything is said of that


def silent(share: float, text: str) -> None:
    """Say nothing: the progress of whoever does not ask for one.

    share: of the work that is done, 0…1
    text: a line

    Built in chapter 6.
    """


class TimeLeft:
    """How long the rest of a piece of work takes, at the speed of its last minute.

    Example:
        >>> left = TimeLeft()
        >>> left(0.0, now=100.0), left(0.1, now=110.0)  # a tenth took ten seconds
        (None, 90.0)

    The last minute and not the whole: the first steps are slow, a resumed run has not done its first half now, and the
    second of two networks has a speed of its own. Our choice. Built in chapter 6.
    """

    def __init__(self) -> None:
        self.seen: deque[tuple[float, float]] = deque()

    def __call__(self, share: float, now: float) -> float | None:
        """Take how far the work is, and return the seconds that are left.

        share: of the work that is done, 0…1
        now: a clock's seconds, which never go back
        returns: seconds, 0 or more; None while nothing can be said
        """
        if self.seen and share < self.seen[-1][1]:  # another piece of work
            self.seen.clear()
        self.seen.append((now, share))
        # One that is older than the span stays, so that slow steps have something to be measured by.
        while len(self.seen) > 2 and now - self.seen[1][0] >= SPAN:
            self.seen.popleft()
        began, before = self.seen[0]
        if now - began < LEAST or share <= before:
            return None
        return max(0.0, (1 - share) * (now - began) / (share - before))


def in_words(seconds: float) -> str:
    """Return how long something takes as one says it, a little too long rather than too short.

    seconds: 0 or more

    Example:
        >>> in_words(42.0), in_words(310.0), in_words(8000.0)
        ('50 s', '6 min', '2 h 14 min')

    Built in chapter 6.
    """
    minutes = math.ceil(seconds / 60)
    if seconds <= 90:
        return f"{max(10, 10 * math.ceil(seconds / 10))} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


class Bar:
    """Progress on a stream; call it with the share done and a line of text.

    stream: where it is written; standard error by default, so that results can be piped
    quiet: without a terminal say nothing in the first half minute, and then only every half minute

    In a terminal one line is written over again and again. Elsewhere a line follows every tenth of the work or every
    half minute, whichever comes first. A line begins with the time that is left, as soon as that can be told.

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
        self._left = TimeLeft()

    def __call__(self, share: float, text: str) -> None:
        """Say that a share of the work is done, 0…1."""
        now = time.monotonic()
        left = self._left(share, now)
        if left is not None and share < 1:
            text = f"{in_words(left)} left, {text}"
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
