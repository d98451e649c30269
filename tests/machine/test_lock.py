"""A lock keeps another process waiting, and goes with the process that holds it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bridgeseg.machine.lock import held

fcntl = pytest.importorskip("fcntl")


def is_free(file: Path) -> bool:
    with file.open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_lock_is_held_within_and_free_after(tmp_path: Path) -> None:
    file = tmp_path / "new" / "lock"
    with held(file):
        assert not is_free(file)
    assert is_free(file)
    with pytest.raises(KeyError), held(file):
        raise KeyError
    assert is_free(file)


def test_who_waits_says_so_and_goes_on_when_the_other_has_died(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, said = tmp_path / "lock", []
    begun, ended = os.pipe(), os.pipe()
    child = os.fork()
    if not child:
        with held(file):
            os.write(begun[1], b"x")
            os.read(ended[0], 1)
            os._exit(9)
    os.read(begun[0], 1)

    def let_go(text: str, flush: bool) -> None:  # what is printed before waiting
        said.append(text)
        os.write(ended[1], b"x")

    monkeypatch.setattr("builtins.print", let_go)
    with held(file, "waiting for the other"):
        assert not is_free(file)
    assert said == ["waiting for the other"]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
