"""Worker processes: the same answers in the same order, from any kind of program, and none left behind."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from bridgeseg.machine import workers as module
from bridgeseg.machine.workers import FORKS, WAITING, cores, in_workers, worthwhile
from bridgeseg.structures.labels import BadInput

# A reader's script as readers write it: nothing guards it from being run a second time.
SCRIPT = """
import os, signal, sys
sys.path.insert(0, {root!r})
import torch
from bridgeseg.machine.workers import in_workers
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.alarm(600)  # whatever happens, it ends
torch.randn(200, 200) @ torch.randn(200, 200)
answers = in_workers(lambda number: (torch.full((50_000,), number), os.getpid()), iter(range(10**9)), 2)
workers = set()
for number, (values, worker) in enumerate(answers):
    assert (values == number).all()
    workers.add(worker)
    if number == 5:
        print(*sorted(workers), flush=True)
        os.read({asked}, 1)
    if number == 25:
        print("on it goes", flush=True)
        os.read({asked}, 1)
        break
"""


def alive(number: int) -> bool:
    """Return whether a process is there and not merely waiting to be forgotten."""
    status = Path(f"/proc/{number}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone(numbers: list[int]) -> bool:
    """Wait until all processes have ended; that takes seconds, and much longer where others want the cores."""
    end = time.monotonic() + 500
    while any(map(alive, numbers)):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_answers_come_in_order_and_chance_is_left_alone(workers: int) -> None:
    before = torch.get_rng_state()
    found = list(in_workers(lambda number: (torch.full((3,), number), number), [4, 0, 9, 2, 2], workers))
    assert [number for _, number in found] == [4, 0, 9, 2, 2]
    assert all((values == number).all() for values, number in found)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.skipif(not FORKS, reason="workers are forked on Linux alone")
def test_the_answers_are_made_in_other_processes_that_end_with_the_generator() -> None:
    answers = in_workers(lambda number: os.getpid(), itertools.count(), 2)
    workers = {next(answers) for _ in range(8)}
    assert len(workers) == 2
    assert os.getpid() not in workers
    answers.close()
    assert gone(sorted(workers))


@pytest.mark.parametrize("workers", [0, 2])
def test_what_is_wrong_with_an_input_is_one_line(workers: int) -> None:
    def make(number: int) -> torch.Tensor:
        if number == 3:
            raise BadInput("picture 3: broken, expected a whole one")
        return torch.zeros(1)

    found = in_workers(make, range(9), workers)
    assert len([next(found) for _ in range(3)]) == 3
    with pytest.raises(BadInput) as caught:
        next(found)
    assert str(caught.value) == "picture 3: broken, expected a whole one"


@pytest.mark.skipif(not FORKS, reason="workers are forked on Linux alone")
@pytest.mark.parametrize("form", ["file", "command", "stdin"])
def test_a_script_without_a_guard_has_workers_and_a_killed_one_leaves_none(
    form: str, tmp_path: Path, root: Path
) -> None:
    asked, answer = os.pipe()  # what the script waits for; its standard input may be the script itself
    script = SCRIPT.format(root=str(root), asked=asked)
    (tmp_path / "script.py").write_text(script)
    command = {"file": [str(tmp_path / "script.py")], "command": ["-c", script], "stdin": ["-"]}[form]
    given = subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=[asked],
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )
    assert given.stdin
    assert given.stdout
    assert given.stderr
    try:
        if form == "stdin":  # as a notebook's cells: there is no file that could be run again
            given.stdin.write(script)
        given.stdin.close()
        first = given.stdout.readline()
        assert first, given.stderr.read()
        workers = [int(number) for number in first.split()]
        assert len(workers) == 2
        # Ctrl-C in a terminal reaches all of them; the script has its own way with it, the workers go on.
        os.killpg(given.pid, signal.SIGINT)
        os.write(answer, b"1")
        assert given.stdout.readline() == "on it goes\n", given.stderr.read()
        assert all(map(alive, workers))
        given.kill()
        assert gone(workers)
        assert given.stderr.read() == ""
    finally:
        given.kill()
        given.wait()
        os.close(asked)
        os.close(answer)


@pytest.mark.skipif(not FORKS, reason="workers are forked on Linux alone")
def test_as_many_workers_as_cores_and_shared_memory_allow(monkeypatch: pytest.MonkeyPatch) -> None:
    room = shutil.disk_usage(module.SHARED)
    for many, shared, processes, expected in (
        (16, 10**9, 1, 8),
        (5, 10**9, 1, 4),
        (1, 10**9, 1, 1),
        (16, 10**9, 4, 3),
        (16, 64_000_000, 1, 3),  # the usual size in a container
        (16, 19_000_000, 1, 0),
    ):
        monkeypatch.setattr(module, "cores", lambda many=many: many)
        monkeypatch.setattr(shutil, "disk_usage", lambda path, shared=shared: room._replace(free=shared))
        found = worthwhile(5_000_000, processes)
        assert found == expected
        assert found * WAITING * 5_000_000 * processes <= shared
    monkeypatch.setattr(module, "FORKS", False)
    assert worthwhile(1) == 0


def test_the_cores_are_those_that_may_be_used(root: Path) -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
    if hasattr(os, "sched_setaffinity"):
        program = (
            "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])\n"
            "from bridgeseg.machine.workers import cores; print(cores())"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root
        )
        assert ran.stdout == "1\n"
