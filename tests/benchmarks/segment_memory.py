"""What a large micrograph takes of memory: `python tests/benchmarks/segment_memory.py [--tiles 1 2 4 6 10]`.

Micrographs of many nuclei are made by laying a tile of 512 × 512 pixels with 40 nuclei beside itself, and segmented as
`python -m bridgeseg segment nuclei` does, each in a process of its own. Counted is the most that this process ever held
(VmHWM), PyTorch, the picture and the network's maps included; beside it what a process holds that has only loaded the
network, and what one bool mask of the working size for each nucleus would take. The bar is 2 GB for 3072 × 3072 pixels
with 1,440 nuclei. Prints JSON. Linux only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFilter
from stored_result import arguments, origin, publish

from bridgeseg.commands import main as command
from bridgeseg.system.checkpoint import load_run
from bridgeseg.system.prediction import working_size

SIDE, NUCLEI, BAR = 512, 40, 2.0


def tile() -> np.ndarray:
    """Return a micrograph of 40 bright ellipses that keep apart, (512, 512) uint8."""
    random = np.random.default_rng(5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    light, taken, count = np.zeros((SIDE, SIDE)), np.zeros((SIDE, SIDE), bool), 0
    while count < NUCLEI:
        y, x = random.integers(14, SIDE - 14, 2)
        tall, wide = random.uniform(7, 11, 2)
        if (taken & (((rows - y) / (tall + 4)) ** 2 + ((columns - x) / (wide + 4)) ** 2 < 1)).any():
            continue
        inside = ((rows - y) / tall) ** 2 + ((columns - x) / wide) ** 2 < 1
        light[inside], taken[inside], count = random.uniform(0.6, 1), True, count + 1
    picture = Image.fromarray((20 + 180 * light).astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(1.2)))


def most_held() -> int:
    """Return the most bytes that this process has ever held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def segment(picture: str) -> dict[str, int]:
    """Segment a picture, or only load the network for "", and return what that took and how many were found."""
    if not picture:
        load_run("nuclei")
        return {"bytes": most_held()}
    with tempfile.TemporaryDirectory() as out:
        command(["segment", "nuclei", picture, "--out", out])
        labels = np.asarray(Image.open(Path(out, "SegmentationObject", f"{Path(picture).stem}.png")))
    return {"bytes": most_held(), "found": int(labels.max())}


def apart(picture: str) -> dict[str, Any]:
    """Do `segment` in a process of its own: nothing of another measurement is left there."""
    again = [sys.executable, __file__, "--picture", picture]
    text = subprocess.run(again, capture_output=True, text=True, check=True).stdout
    return json.loads(text.splitlines()[-1])


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument(
        "--tiles", type=int, nargs="+", default=[1, 2, 4, 6, 10], help="along a side of a picture"
    )
    parser.add_argument("--picture", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.picture is not None:
        print(json.dumps(segment(given.picture)))
        return
    shown = load_run("nuclei").recipe.pictures
    report = origin() | {
        "unit": "GB",
        "the network loaded": round(apart("")["bytes"] / 1e9, 2),
        "bar for 3072 × 3072": BAR,
    }
    with tempfile.TemporaryDirectory() as folder:
        for count in given.tiles:
            side = count * SIDE
            path = Path(folder, f"{side}.png")
            Image.fromarray(np.tile(tile(), (count, count))).save(path)
            found = apart(str(path))
            height, width = working_size(side, side, shown.zoom, shown.long_side)
            report[f"{side} × {side}"] = {
                "nuclei": count * count * NUCLEI,
                "found": found["found"],
                "most held": round(found["bytes"] / 1e9, 2),
                "full masks alone would take": round(found["found"] * height * width / 1e9, 2),
            }
    publish("segment-memory", report, given.store)


if __name__ == "__main__":
    main()
