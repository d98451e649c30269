"""Measurements in stages, each with its own time limit, so that one that fails, hangs or crashes costs only itself.

All stages run one after the other in a process of their own; another process watches it. A stage that raises is noted
and the next one begins. One that outlasts its limit, or takes the process down with it, is noted too, and the rest
goes on in a new process. Whatever a stage has said is written at once, the file as a whole or not at all.
"""

from __future__ import annotations

import gc
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from stored_result import origin

from bridgeseg.machine.files import write_text

Say = Callable[[str, Any], None]
LEAST = 2.0  # seconds; with less left no stage is begun
STARTING = 90.0  # seconds until a process must have begun its first stage
BEGIN, END = "stage begins: ", "stage ends: "


@dataclass(frozen=True)
class Stage:
    """One measurement.

    name: unique
    file: of the results that it belongs to, without ending
    limit: seconds
    work: does it; is given a function that notes a value under a name, at once
    """

    name: str
    file: str
    limit: float
    work: Callable[[Say], None]


def note(out: Path, stage: Stage, values: dict[str, Any]) -> None:
    """Add values to what is known of a stage, in its file of results."""
    path = out / f"{stage.file}.json"
    whole = json.loads(path.read_text("utf8")) if path.exists() else {"stages": {}}
    whole["stages"].setdefault(stage.name, {}).update(values)
    write_text(path, json.dumps(whole, indent=1, ensure_ascii=False) + "\n")


def work_through(stages: Sequence[Stage], out: Path, until: float, command: str) -> None:
    """Run stages in this process, until a point in time: what the watched process does.

    until: by `time.time()`; a stage that cannot begin before it is noted as not run
    command: what stands at the head of new files of results
    """
    for name in {stage.file for stage in stages}:
        if not (out / f"{name}.json").exists():
            write_text(out / f"{name}.json", json.dumps({**origin(command), "stages": {}}, indent=1))
    for stage in stages:
        if until - time.time() < LEAST:
            note(out, stage, {"not run": "no time was left"})
            continue
        print(BEGIN + stage.name, flush=True)
        began = time.monotonic()
        try:
            stage.work(lambda name, value, stage=stage: note(out, stage, {name: value}))
        except Exception as error:  # whatever it is, it is noted, and the other stages are measured
            note(out, stage, {"failed": described(error)})
            traceback.print_exc()
        note(out, stage, {"seconds": round(time.monotonic() - began, 1)})
        print(END + stage.name, flush=True)
        tidy()


def described(error: BaseException) -> str:
    """Return an error as one line: its kind, the first line of what it says, and where in our files it arose."""
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if "site-packages" not in frame.filename
    ]
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    said = str(error).strip().splitlines()
    return f"{type(error).__name__}: {said[0][:300] if said else ''}{where}"


def tidy() -> None:
    """Give back what a stage held; an error of the device that outlives its stage ends the process here."""
    gc.collect()
    torch._dynamo.reset()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
        torch.cuda.empty_cache()


def run_watched(stages: Sequence[Stage], command: Sequence[str], out: Path, until: float) -> None:
    """Have stages run in a process that is watched, and in another one where it is lost.

    command: begins such a process; the names of the stages to do follow as one more word, joined by commas
    until: by `time.time()`; the process ends then
    """
    left = list(stages)
    while left:
        if until - time.time() < LEAST:
            for stage in left:
                note(out, stage, {"not run": "no time was left"})
            return
        words = [*command, ",".join(stage.name for stage in left)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)
        try:
            done, current, reason = watch(process, {stage.name: stage.limit for stage in left}, until)
        finally:
            end(process)
        over = {*done, current}
        if current is not None:
            stage = next(stage for stage in left if stage.name == current)
            note(out, stage, {"failed": reason})
            print(f"  {current}: {reason}", flush=True)
        elif not done and reason:
            for stage in left:
                note(out, stage, {"failed": reason})
            raise SystemExit(f"no stage began: {reason}")
        elif not reason:
            return  # the process went through all of them, and noted those for which no time was left
        left = [stage for stage in left if stage.name not in over]


def watch(
    process: subprocess.Popen[str], limits: dict[str, float], until: float
) -> tuple[list[str], str | None, str]:
    """Follow a process through its stages.

    limits: seconds of each stage
    returns: the stages that it has ended; the one in which it was lost, if any; and why, "" where it went well
    """
    lines: queue.Queue[str | None] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    done: list[str] = []
    current: str | None = None
    began = time.time()
    limit = STARTING
    while True:
        wait = min(began + limit, until) - time.time()
        try:
            line = lines.get(timeout=max(wait, 0.01))
        except queue.Empty:
            spent = time.time() - began
            why = "all time was used up" if spent < limit else f"ran out of its {limit:g} s"
            return done, current, f"stopped after {spent:.0f} s: {why}"
        if line is None:
            code = process.wait()
            return done, current, f"the process ended with {code}" if code or current else ""
        if line.startswith(BEGIN):
            current = line.removeprefix(BEGIN).rstrip("\n")
            began, limit = time.time(), limits[current]
        elif line.startswith(END) and current is not None:
            print(f"  {current}: {time.time() - began:.1f} s", flush=True)
            done.append(current)
            current, began, limit = None, time.time(), STARTING
        else:
            sys.stdout.write(line)


def end(process: subprocess.Popen[str]) -> None:
    """End a process and those that it has begun, compilers for example."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it has ended by itself
    process.wait()
