"""The process in which scipy reads MATLAB's .mat files: a program, started by `bridgeseg.data.mat_files`.

On standard input it is told a file in a line of JSON, and on standard output it answers with the length of a head, the
head in JSON, and the bytes of the arrays. It imports nothing of the package, so that it starts quickly.

Built in chapter 2.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

MEMORY = 1 << 30  # bytes that a file may make it take; SBD's take some thousandth of that


def read(path: str, title: str, fields: list[str]) -> tuple[str, dict[str, np.ndarray]]:
    """Return what is wrong with a file, and the arrays of a struct in it.

    path, title, fields: as `bridgeseg.data.mat_files.read_struct` has them
    returns: words, of which there are none where all is well; the arrays (d0, d1, …) by field, integer or float

    Built in chapter 2.
    """
    from scipy.io import loadmat

    try:
        found = loadmat(path, variable_names=[title]).get(title)
    except Exception as error:  # scipy meets broken files with many kinds, all of which mean this
        return (
            f"cannot be read as a .mat file ({' '.join(f'{error or type(error).__name__}'.split())[:200]})",
            {},
        )
    if found is None:
        return f"no variable {title}, expected a struct of that name", {}
    if found.dtype.names is None or found.size != 1:
        return f"{title} is no struct, expected one with {', '.join(fields)}", {}
    held = {
        name: np.asarray(found.item()[found.dtype.names.index(name)])
        for name in fields
        if name in found.dtype.names
    }
    for name, numbers in held.items():
        if numbers.dtype.kind not in "iufb":
            return f"{title}.{name} holds no real numbers, expected an array of them", {}
    return "", held


def main() -> None:
    """Answer until nothing more is asked.

    Built in chapter 2.
    """
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C is for the one that asks, with whom this process ends
    limit_memory()
    for line in sys.stdin.buffer:
        error, held = read(**json.loads(line))
        data = {name: numbers.tobytes() for name, numbers in held.items()}
        arrays: list[dict[str, Any]] = [
            {"field": name, "type": numbers.dtype.str, "shape": numbers.shape, "bytes": len(data[name])}
            for name, numbers in held.items()
        ]
        head = json.dumps({"error": error, "arrays": arrays}).encode()
        sys.stdout.buffer.write(b"%12d" % len(head) + head + b"".join(data.values()))
        sys.stdout.buffer.flush()


def limit_memory() -> None:
    """Refuse memory beyond `MEMORY`, on Linux, so that a number out of a file cannot fill the machine.

    Built in chapter 2.
    """
    if sys.platform != "linux":
        return
    import resource

    import scipy.io  # noqa: F401  (what it takes itself does not count)

    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    wanted = taken + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most < 0 else min(wanted, most), most))


if __name__ == "__main__":
    main()
