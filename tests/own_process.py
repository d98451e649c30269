"""Work in a process that is forked from the test: killed at a moment that is counted, or on a disk of its own."""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import pickle
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from bridgeseg.commands import main

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

# Of a process: what it is given to see that no other does. Of a file system: that it is mounted for this process alone.
_OWN_MOUNTS, _OWN_USERS = 0x00020000, 0x10000000
_ALL_BELOW, _PRIVATE = 0x4000, 0x40000


class Said(NamedTuple):
    """What a command returned, and the lines that it printed on standard error."""

    status: int
    errors: list[str]


def said(*arguments: object) -> Said:
    """Run the command line in this process."""
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        status = main([str(argument) for argument in arguments])
    return Said(status, err.getvalue().splitlines())


def started(work: Callable[[], Any]) -> tuple[int, int]:
    """Begin some work in a forked process; returns its number and a pipe from which its answer can be read."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(theirs)
        return child, ours
    try:
        # A shell that starts the tests in the background lets them, and what they start, ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        torch.set_num_threads(1)  # the threads of the process that was forked are not here
        try:
            answer = (True, work())
        except BaseException as error:
            answer = (False, f"{type(error).__name__}: {error}")
        with os.fdopen(theirs, "wb") as file:
            pickle.dump(answer, file)
    finally:
        os._exit(0)


def ended(begun: tuple[int, int]) -> tuple[int, Any]:
    """Wait for a process; returns the signal that killed it or 0, and its answer."""
    child, pipe = begun
    with os.fdopen(pipe, "rb") as file:
        content = file.read()
    died = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(died):
        return os.WTERMSIG(died), None
    fine, answer = pickle.loads(content)
    assert fine, answer
    return 0, answer


def struck(work: Callable[[], Any], moment: int, number: int) -> tuple[bool, int, Any]:
    """Do some work in a process that sends itself a signal at its so-and-so-manieth step on the disk.

    A step is to open a file for writing, to bring it to the disk, to rename, to remove, or to make a folder. The signal
    comes after a file was opened, when nothing stands in it, and before any other step, when all before it is done.
    returns: whether the signal came before the work was done; the signal that killed it or 0; and its answer
    """
    ours, theirs = os.pipe()  # tells whether the signal was sent, also by a process that is dead

    def counted() -> Any:
        left = [moment]

        def step() -> None:
            left[0] -= 1
            if left[0] == -1:
                os.write(theirs, b"x")
                os.kill(os.getpid(), number)

        def before(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                step()
                return real(*arguments, **options)

            return call

        def after(real: Callable[..., Any], writes: Callable[..., bool]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                opened = real(*arguments, **options)
                if writes(*arguments, **options):
                    step()
                return opened

            return call

        for name in ("replace", "rename", "unlink", "rmdir", "mkdir", "fsync"):
            setattr(os, name, before(getattr(os, name)))
        os.open = after(os.open, lambda path, flags, *rest, **more: bool(flags & os.O_CREAT))
        io.open = after(
            io.open, lambda path, mode="r", *rest, **more: isinstance(path, Path) and mode[0] == "w"
        )
        return work()

    died, answer = ended(started(counted))
    os.close(theirs)
    with os.fdopen(ours, "rb") as file:
        return bool(file.read()), died, answer


def on_a_small_disk(place: Path, size: int, work: Callable[[], Any]) -> Any:
    """Do some work in a process that has a disk of so many bytes in a folder; nobody else sees it, and it goes with it.

    Skips the test where the system lets nobody, or not this user, have such a disk.
    """

    def mounted() -> Any:
        if why := _mount(place, size):
            return None, why
        return work(), ""

    if sys.platform != "linux":
        pytest.skip("a disk for one process alone is Linux's")
    died, (answer, why) = ended(started(mounted))
    assert not died
    if why:
        pytest.skip(f"no disk of its own for this process: {why}")
    return answer


def _mount(place: Path, size: int) -> str:
    """Mount an empty disk for this process alone; returns why it cannot be, or nothing."""
    system = ctypes.CDLL(None, use_errno=True)
    user, group, root = os.getuid(), os.getgid(), os.getuid() == 0
    if system.unshare(_OWN_MOUNTS if root else _OWN_MOUNTS | _OWN_USERS):
        return f"unshare, {os.strerror(ctypes.get_errno())}"
    if not root:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")
    if system.mount(None, b"/", None, _ALL_BELOW | _PRIVATE, None):
        return f"mount of /, {os.strerror(ctypes.get_errno())}"
    if system.mount(b"none", os.fsencode(place), b"tmpfs", 0, f"size={size}".encode()):
        return f"mount, {os.strerror(ctypes.get_errno())}"
    return ""


def content(folder: Path) -> dict[str, bytes]:
    """All files and folders below a folder, locks aside, which stay empty."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if not path.name.endswith(".lock"):
            found[str(path.relative_to(folder))] = path.read_bytes() if path.is_file() else b"a folder"
    return found
