"""Standard streams: a line of warning or of error, and what a stream that cannot take what is printed must not cost.

Built in chapter 10.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import wraps
from typing import Any, ParamSpec, TextIO

Given = ParamSpec("Given")


class Forgiving(io.TextIOBase):
    """A text stream that never raises: what cannot be written is lost, or written in other characters.

    stream: where it goes; None for a stream that was closed before Python began
    error: what went wrong first; None as long as nothing did

    Example:
        >>> plain = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        >>> stream = Forgiving(plain)
        >>> print("3 × 4", file=stream, flush=True)
        >>> plain.buffer.getvalue(), type(stream.error).__name__
        (b'3 \\\\xd7 4\\n', 'UnicodeEncodeError')

    Built in chapter 10.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream = stream
        self.error: Exception | None = None
        if stream is None:
            self.error = OSError(errno.EBADF, "it is closed")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self.stream is not None and self.stream.isatty()

    def write(self, text: str) -> int:
        """Write some text.

        text: of any length
        returns: how many characters
        """
        try:
            if self.stream is not None:
                self.stream.write(text)
        except UnicodeEncodeError as error:
            self.error = self.error or error
            self.write(text.encode("ascii", "backslashreplace").decode())
        except (OSError, ValueError) as error:  # full, nobody reads it any more, or closed
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Send on what was written."""
        try:
            if self.stream is not None:
                self.stream.flush()
        except (OSError, ValueError) as error:
            self._give_up(error)

    def why(self) -> str:
        """Return what went wrong, in a few words; "" where nothing did."""
        if isinstance(self.error, UnicodeEncodeError):
            found = self.error.object[self.error.start]
            return f"its encoding {self.error.encoding} has no {ascii(found)}, which was written so"
        return "" if self.error is None else str(getattr(self.error, "strerror", None) or self.error)

    def _give_up(self, error: Exception) -> None:
        """Remember why, and let what still waits in the stream go nowhere: Python would try again when it ends."""
        self.error = self.error or error
        if self.stream is not None:
            with suppress(OSError, ValueError):  # it has no number, or none any more
                number = self.stream.fileno()
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, number)
                os.close(nowhere)
        self.stream = None


def forgiving(main: Callable[Given, int]) -> Callable[Given, int]:
    """Let a program do its work also where its standard output or standard error cannot take what is printed.

    main: the program, which returns its exit status
    returns: the same program. Where standard output failed it says so in one line on standard error, and returns 1 in
        the place of 0

    Built in chapter 10.
    """

    @wraps(main)
    def run(*arguments: Given.args, **named: Given.kwargs) -> int:
        # A number that nobody holds goes to the next file that is opened, and a library may print into it.
        for number in range(3):
            try:
                os.fstat(number)
            except OSError:
                os.open(os.devnull, os.O_RDWR)
        out, err = Forgiving(sys.stdout), Forgiving(sys.stderr)
        left: SystemExit | None = None
        with redirect_stdout(out), redirect_stderr(err):
            try:
                status = main(*arguments, **named)
            except SystemExit as error:  # help was asked for, or the arguments are wrong
                left, status = error, error.code if isinstance(error.code, int) else 1
            out.flush()
            if out.error is not None:
                print(f"bridgeseg: error: standard output: {out.why()}", file=sys.stderr)
            err.flush()
        if left is not None and (status or out.error is None):
            raise left
        return status or int(out.error is not None)

    return run


def warn(line: str) -> None:
    """Print one line of warning on standard error.

    line: without the program's name

    Built in chapter 10.
    """
    print(f"bridgeseg: warning: {line}", file=sys.stderr)


def complain(line: str) -> None:
    """Print one line of error on standard error.

    line: without the program's name; breaks in it become spaces

    Built in chapter 10.
    """
    print(f"bridgeseg: error: {' '.join(line.split())}", file=sys.stderr)
