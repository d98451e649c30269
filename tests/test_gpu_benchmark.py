"""The benchmark of a GPU, tried in small: nothing that a stage does keeps the others from being measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

STAGES = """
import os, sys, time
sys.path.insert(0, {folder!r})
from pathlib import Path
from staged import Stage, run_watched, work_through

def hang(say):
    say("before", 1)
    time.sleep(600)

def crash(say):
    say("before", 2)
    os._exit(7)

works = {{"good": lambda say: say("found", 3), "raises": lambda say: 1 / 0, "hangs": hang, "crashes": crash,
         "last": lambda say: say("found", 4)}}
stages = [Stage(name, "one" if name == "good" else "two", 1.5, work) for name, work in works.items()]
out = Path(sys.argv[1])
if len(sys.argv) > 3:
    names = sys.argv[3].split(",")
    work_through([stage for stage in stages if stage.name in names], out, float(sys.argv[2]), "a command")
else:
    until = time.time() + float(sys.argv[2])
    run_watched(stages, [sys.executable, __file__, sys.argv[1], str(until)], out, until)
"""


def ran(root: Path, folder: Path, seconds: float) -> dict[str, dict]:
    """What is noted of each stage when so many seconds are given to all of them."""
    script = folder / "script.py"
    script.write_text(STAGES.format(folder=str(root / "tests" / "benchmarks")))
    done = subprocess.run(
        [sys.executable, script, folder, str(seconds)], capture_output=True, text=True, cwd=root, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, dict] = {}
    for name in ("one", "two"):
        whole = json.loads((folder / f"{name}.json").read_text())
        found |= whole["stages"]
        if seconds > 10:
            assert whole["command"] == "a command"
            assert {"hardware", "versions", "date", "seed"} <= set(whole)
    return found


@pytest.mark.slow
def test_a_stage_that_raises_hangs_or_crashes_costs_only_itself(root: Path, tmp_path: Path) -> None:
    found = ran(root, tmp_path, 100)
    assert found["good"]["found"] == 3
    assert found["raises"]["failed"] == "ZeroDivisionError: division by zero (script.py:15)"
    assert (found["hangs"]["before"], found["crashes"]["before"]) == (1, 2)
    assert "ran out of its 1.5 s" in found["hangs"]["failed"]
    assert found["crashes"]["failed"] == "the process ended with 7"
    assert found["last"]["found"] == 4


def test_without_time_every_stage_is_noted_as_not_run(root: Path, tmp_path: Path) -> None:
    found = ran(root, tmp_path, 0.5)
    assert {name: noted["not run"] for name, noted in found.items()} == dict.fromkeys(
        ("good", "raises", "hangs", "crashes", "last"), "no time was left"
    )


@pytest.mark.slow
def test_it_measures_in_small_without_a_gpu(root: Path, tmp_path: Path) -> None:
    words = [sys.executable, "tests/benchmarks/gpu.py", "--small", "--device", "cpu", "--minutes", "2"]
    words += ["--only", "rates,step scenes,head,mini,graph", "--out", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=root, timeout=170)
    assert done.returncode == 0, done.stderr
    stages = {
        name: noted
        for path in tmp_path.glob("*.json")
        for name, noted in json.loads(path.read_text())["stages"].items()
    }
    assert not [name for name, noted in stages.items() if "failed" in noted], stages
    assert stages["rates"]["bfloat16 matrix product, TFLOP/s"] > 0
    assert stages["step scenes-full"]["both"]["GFLOP"] > 0
    # All forms of the head give the same.
    forms = [noted for title, noted in stages["head voc"].items() if "outputs" in title]
    assert len(forms) > 8
    assert all(noted["largest difference"] < 1e-5 for noted in forms)
    assert stages["graph scenes-full"]["not run"] == "needs a GPU"
