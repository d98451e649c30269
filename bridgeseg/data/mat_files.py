"""MATLAB's .mat files, read by scipy in a process of its own.

scipy believes what a file says of itself, and a damaged one can end the process that reads it, or ask for more memory
than there is. So a second process reads, which has nothing to lose: it is started with the first file, waits for the
next, and ends with the one that started it. Where it ends earlier, the file is named, and the next one starts another.

Built in chapter 2.
"""

from __future__ import annotations

import atexit
import importlib.util
import json
import os
import subprocess
import sys
import threading
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from bridgeseg.structures.labels import BadInput

SECONDS = 60.0  # that a file may take; SBD's take a few milliseconds, the first one half a second


class _Process:
    """The process that reads, with a lock since threads may share it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None

    def ask(self, question: Mapping[str, object]) -> tuple[dict[str, Any], list[bytes]]:
        """Send a question and return the answer with its arrays' bytes, or raise EOFError where the process ends."""
        running = self._running
        if running is None or running.poll() is not None:
            words = [sys.executable, "-P", str(Path(__file__).with_name("mat_process.py"))]
            running = self._running = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        asks, answers = running.stdin, running.stdout
        assert asks is not None  # both are pipes, as they were asked for
        assert answers is not None
        watch = threading.Timer(SECONDS, running.kill)
        watch.start()
        try:
            asks.write(json.dumps(question).encode() + b"\n")
            asks.flush()
            answer = json.loads(_exactly(answers, int(_exactly(answers, 12))))
            return answer, [_exactly(answers, array["bytes"]) for array in answer["arrays"]]
        except (BrokenPipeError, EOFError):
            raise EOFError(f"status {running.wait()}") from None
        finally:
            watch.cancel()

    def end(self) -> None:
        """Let the process end, which it does when nothing more can come."""
        if self._running is not None and self._running.poll() is None:
            self._running.stdin.close()  # type: ignore[union-attr]
            self._running.wait()


_PROCESSES: dict[int, _Process] = {}  # by the number of the process that asks: a fork has a reader of its own


def read_struct(path: str | Path, title: str, fields: Collection[str]) -> dict[str, np.ndarray]:
    """Read arrays of numbers from a struct in a .mat file.

    path: a file of version 4 to 7, which is what scipy reads
    title: the variable that is the struct
    fields: which of its fields to read; the others are passed over
    returns: the arrays (d0, d1, …) by field, integer or float as stored, read-only; nothing for a field that the struct
        lacks
    raises: BadInput when the file cannot be read, is damaged, has no such struct, or a field holds no real numbers;
        when scipy is not installed

    Our choice. Built in chapter 2.
    """
    check_scipy()
    path = Path(path)
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    if os.getpid() not in _PROCESSES:
        atexit.register(_PROCESSES.setdefault(os.getpid(), _Process()).end)
    process = _PROCESSES[os.getpid()]
    question = {"path": str(path.absolute()), "title": title, "fields": list(fields)}
    try:
        with process.lock:
            answer, held = process.ask(question)
    except EOFError as error:
        raise BadInput(
            f"{path}: cannot be read as a .mat file (it ended the process that read it, {error})"
        ) from None
    if answer["error"]:
        raise BadInput(f"{path}: {answer['error']}")
    return {
        array["field"]: np.frombuffer(data, array["type"]).reshape(array["shape"])
        for array, data in zip(answer["arrays"], held, strict=True)
    }


def check_scipy() -> None:
    """Look whether scipy is there, before anything is downloaded that needs it.

    raises: BadInput in one line where it is not installed

    Built in chapter 2.
    """
    if importlib.util.find_spec("scipy") is None:
        raise BadInput("SBD: its .mat files need scipy, which is not installed; pip install scipy")


def _exactly(pipe: IO[bytes], count: int) -> bytes:
    """So many bytes of a pipe, or EOFError where it ends before them."""
    data = pipe.read(count)
    if len(data) < count:
        raise EOFError
    return data
