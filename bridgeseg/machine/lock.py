"""One process at a time.

Built in chapter 6.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def held(file: Path, waiting: str = "") -> Iterator[None]:
    """Wait until no other process holds a lock, and keep others waiting meanwhile.

    file: the lock, which is made if need be, its folder too, and stays
    waiting: what is printed before waiting; nothing by default
    raises: OSError where the file cannot be made

    The system lets go of the lock when the process ends, however it ends. It keeps processes apart: who takes it twice
    in one waits for ever. Windows has no such lock: there nobody waits. Each file is whole there too, but of two
    processes that write into one folder the one may undo or refuse what the other does. Built in chapter 6.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w") as opened:
        try:
            import fcntl
        except ImportError:
            yield
            return
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting:
                print(waiting, flush=True)
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield
