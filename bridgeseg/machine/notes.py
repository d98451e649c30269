"""Notes: what a reader passes over is said, a line each, by whoever asked it to read.

Built in chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

Note = Callable[[str], None]
"""What a reader calls with one line for what it passes over; a command prints it on standard error."""

NAMED = 3  # of many names so many are said


def unsaid(line: str) -> None:
    """Say nothing: the notes of whoever does not ask for them.

    line: what would be said

    Built in chapter 6.
    """


class Once:
    """Notes of which each is said once, however often a file is read.

    note: called with every line that is new

    Built in chapter 6.
    """

    def __init__(self, note: Note) -> None:
        self.note = note
        self.said: set[str] = set()

    def __call__(self, line: str) -> None:
        """Say a line, unless it was said.

        line: what there is to say
        """
        if line not in self.said:
            self.said.add(line)
            self.note(line)


def counted(names: Sequence[str], one: str, many: str) -> str:
    """Return how many there are and what the first are called.

    names: at least one
    one, many: what they are, of a single one and of several

    Example:
        >>> counted(["a.heic"], "file", "files"), counted(["a", "b", "c", "d"], "folder", "folders")
        ('1 file (a.heic)', '4 folders (a, b, c, …)')

    Built in chapter 6.
    """
    more = ", …" if len(names) > NAMED else ""
    return f"{len(names)} {one if len(names) == 1 else many} ({', '.join(names[:NAMED])}{more})"
