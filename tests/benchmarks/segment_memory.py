"""What large micrographs take: `python tests/benchmarks/segment_memory.py [--sizes 1024x1024 6144x4096]`.

Micrographs of many nuclei are made, bright ellipses that keep apart, and segmented as `python -m bridgeseg segment
nuclei` does, each in a process of its own. Two kinds: nuclei scattered over the whole picture, 320 on 1024 × 1024
pixels, and, for the last size, a tile of 512 × 512 pixels with 80 of them laid beside itself. Counted is the most that
this process ever held (VmHWM), PyTorch, the picture and all maps included, beside what a process holds that has only
loaded the network; and its seconds, by the clock and of the processor, which other work on the machine disturbs less.
The bar is 4 GB for 6144 × 4096 pixels. Prints JSON. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from stored_result import arguments, origin, publish

from bridgeseg.commands import main as command
from bridgeseg.data.label_png import read_label_png
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import size_shown

SIDE, NUCLEI, BAR = 512, 80, 4.0
SIZES = ("1024x1024", "2048x2048", "3072x3072", "4096x4096", "5120x5120", "6144x4096")


def micrograph(height: int, width: int, nuclei: int) -> np.ndarray:
    """Return a micrograph of so many bright ellipses that keep apart, (height, width) uint8."""
    random = np.random.default_rng(5)
    light, taken, count = np.zeros((height, width), np.float32), np.zeros((height, width), bool), 0
    while count < nuclei:
        y, x = (int(random.integers(16, side - 16)) for side in (height, width))
        tall, wide = random.uniform(7, 11, 2)
        here = slice(y - 16, y + 17), slice(x - 16, x + 17)
        rows, columns = np.mgrid[-16:17, -16:17][:, : light[here].shape[0], : light[here].shape[1]]
        if (taken[here] & ((rows / (tall + 4)) ** 2 + (columns / (wide + 4)) ** 2 < 1)).any():
            continue
        inside = (rows / tall) ** 2 + (columns / wide) ** 2 < 1
        light[here][inside], count = random.uniform(0.6, 1), count + 1
        taken[here] |= inside
    picture = Image.fromarray((20 + 180 * light).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.2)))


def most_held() -> int:
    """Return the most bytes that this process has ever held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def segment(picture: str) -> dict[str, float]:
    """Segment a picture, or only load the network for "", and return what that took and how many were found."""
    if not picture:
        load_run("nuclei")
        return {"bytes": most_held()}
    clock, processor = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as out:
        command(["segment", "nuclei", picture, "--out", out])
        took = {"seconds": time.perf_counter() - clock, "of processor": time.process_time() - processor}
        labels, _ = read_label_png(Path(out, "SegmentationObject", f"{Path(picture).stem}.png"))
    return {"bytes": most_held(), "found": int(labels.max()), **took}


def apart(picture: str) -> dict[str, Any]:
    """Do `segment` in a process of its own: nothing of another measurement is left there."""
    again = [sys.executable, __file__, "--picture", picture]
    text = subprocess.run(again, capture_output=True, text=True, check=True).stdout
    return json.loads(text.splitlines()[-1])


def measured(pixels: np.ndarray, nuclei: int, folder: str) -> dict[str, Any]:
    """Return what one micrograph takes."""
    path = Path(folder, "micrograph.png")
    Image.fromarray(pixels).save(path)
    found = apart(str(path))
    height, width = size_shown(*pixels.shape, load_run("nuclei").recipe.pictures)
    row = {
        "nuclei": nuclei,
        "found": found["found"],
        "shown at": f"{height} × {width}",
        "most held": round(found["bytes"] / 1e9, 2),
        "seconds": round(found["seconds"], 1),
        "seconds of processor": round(found["of processor"], 1),
    }
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="height x width, pixels")
    parser.add_argument("--picture", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.picture is not None:
        print(json.dumps(segment(given.picture)))
        return
    report = origin() | {
        "unit": "GB",
        "the network loaded": round(apart("")["bytes"] / 1e9, 2),
        "bar for 6144 × 4096": BAR,
    }
    sizes = [tuple(map(int, size.split("x"))) for size in given.sizes]
    with tempfile.TemporaryDirectory() as folder:
        for height, width in sizes:
            nuclei = height * width * NUCLEI // SIDE**2
            report[f"{height} × {width}"] = measured(micrograph(height, width, nuclei), nuclei, folder)
        down, across = sizes[-1][0] // SIDE, sizes[-1][1] // SIDE
        repeated = np.tile(micrograph(SIDE, SIDE, NUCLEI), (down, across))
        report[f"{down} × {across} tiles, repeated"] = measured(repeated, down * across * NUCLEI, folder)
    publish("segment-memory", report, given.store)


if __name__ == "__main__":
    main()
