"""What a conversion could not carry over, counted and named.

Built in chapter 12.
"""

from __future__ import annotations

from collections import Counter, defaultdict

NAMED = 5  # first names in a line; the count says how many there are
LONGEST = 200  # letters of a name with its reason: files hold what they like


class Findings:
    """Kinds of things that were left out or changed, each with how often and where.

    Example:
        >>> findings = Findings()
        >>> findings.note("absent pictures", "a.jpg")
        >>> findings.note("absent pictures", "b.jpg")
        >>> findings.lines()
        ['absent pictures: 2 (a.jpg, b.jpg)']

    Built in chapter 12.
    """

    def __init__(self) -> None:
        self._names: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def note(self, kind: str, name: str, count: int = 1) -> None:
        """Count something.

        kind: what it is, in the plural
        name: the file or picture that it was found in; what is no letter in it becomes a blank
        count: how many of the kind
        """
        line = " ".join("".join(letter if letter.isprintable() else " " for letter in name).split())
        self._names[kind][line[:LONGEST]] += count

    def left_out(self, line: str) -> None:
        """Count what a reader left out of a picture: further pages, further channels.

        line: what the reader said of it; it names the picture
        """
        self.note("pictures that were not read whole", line)

    def count(self, kind: str) -> int:
        """Return how many of a kind were counted."""
        return self._names[kind].total() if kind in self._names else 0

    def lines(self) -> list[str]:
        """Return a line for each kind, in the order in which they were met: the count and the first names."""
        lines = []
        for kind, names in self._names.items():
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            lines.append(f"{kind}: {names.total()} ({', '.join(list(names)[:NAMED])}{more})")
        return lines
