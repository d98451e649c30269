"""What a set that does not fit takes of host memory: `python tests/benchmarks/reading_memory.py [--workers 2]`.

A folder in VOC's layout is made of a few drawn pictures of 500 x 375 and hard links to them: as many as VOC and SBD
have together, and then twice as many. Mini-batches of the recipe `voc` are drawn from it by worker processes, beside
all that training imports. Counted are the proportional set sizes (PSS) of all processes together, at their highest, and
beside them what shared memory holds, though much of that is in the former too. The bar is 4 GB. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from PIL import Image
from stored_result import arguments, origin, publish

from bridgeseg.data.label_png import write_label_png
from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.data.scenes import draw_scene
from bridgeseg.machine.workers import cores
from bridgeseg.system.presets import VOC
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.store import Unread, open_store
from bridgeseg.training.trainer import Trainer  # as a training does, with all that it imports

assert Trainer

PICTURES = 10_582  # VOC's segmentation train and SBD, less VOC's segmentation val
SIZE = (375, 500)
DRAWN = 12


def make_folder(root: Path, count: int) -> None:
    """Write a few pictures in VOC's layout, and link the others to them."""
    names = [f"2008_{number:06d}" for number in range(count)]
    for folder in ("JPEGImages", "SegmentationClass", "SegmentationObject", "ImageSets/Segmentation"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names[:DRAWN]):
        scene = draw_scene(0, number, SIZE)
        Image.fromarray(scene.picture).save(root / "JPEGImages" / f"{name}.jpg", quality=90)
        write_label_png(root / "SegmentationClass" / f"{name}.png", scene.categories, scene.categories == 255)
        write_label_png(root / "SegmentationObject" / f"{name}.png", scene.instances)
    for number, name in enumerate(names[DRAWN:]):
        for folder, ending in (
            ("JPEGImages", "jpg"),
            ("SegmentationClass", "png"),
            ("SegmentationObject", "png"),
        ):
            os.link(root / folder / f"{names[number % DRAWN]}.{ending}", root / folder / f"{name}.{ending}")
    (root / "ImageSets" / "Segmentation" / "train.txt").write_text("\n".join(names) + "\n")


def family(process: int) -> list[int]:
    """Return a process and all that descend from it."""
    found = [process]
    for children in Path(f"/proc/{process}/task").glob("*/children"):
        for child in children.read_text().split():
            found += family(int(child))
    return found


def proportional(process: int) -> int:
    """Return the bytes of a process, those that it shares divided by how many share them."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:"))


class Watch(threading.Thread):
    """Looks at the memory of this process and its workers five times a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most: dict[str, int] = {"processes": 0, "shared memory": 0}
        self.shared = shutil.disk_usage("/dev/shm").used
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.2):
            try:
                processes = sum(proportional(process) for process in family(os.getpid()))
            except (FileNotFoundError, ProcessLookupError):
                continue  # one ended meanwhile
            shared = shutil.disk_usage("/dev/shm").used - self.shared
            for name, value in (("processes", processes), ("shared memory", shared)):
                self.most[name] = max(self.most[name], value)


def draw(folder: str, batches: int, workers: int) -> dict[str, float]:
    """Draw mini-batches from a folder and return what that took."""
    watch = Watch()
    watch.start()
    dataset = open_dataset("voc", folder, "train")
    store = open_store(dataset, range(len(dataset)))
    assert isinstance(store, Unread), "the set fits, expected one that does not"
    learner = VOC.semantic
    source = Batches(store, learner.crops, batch=learner.optimiser.batch, seed=0).ahead(0, workers)
    next(source)
    began = time.perf_counter()
    for _ in range(batches):
        next(source)
    seconds = time.perf_counter() - began
    source.close()
    watch.done.set()
    watch.join()
    found = {f"{name}, GB": round(value / 1e9, 2) for name, value in watch.most.items()}
    return {"pictures": len(dataset), **found, "mini-batches a second": round(batches / seconds, 2)}


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--batches", type=int, default=60)
    parser.add_argument("--pictures", type=int, default=PICTURES)
    parser.add_argument("--folder", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.folder:
        print(json.dumps(draw(given.folder, given.batches, given.workers)))
        return
    report = origin() | {"workers": given.workers}
    for name, count in (("the set", given.pictures), ("twice the set", 2 * given.pictures)):
        with tempfile.TemporaryDirectory() as folder:
            make_folder(Path(folder), count)
            again = [sys.executable, __file__, "--folder", folder]
            again += ["--workers", str(given.workers), "--batches", str(given.batches)]
            # A process of its own: nothing of the first measurement is left for the second.
            report[name] = json.loads(
                subprocess.run(again, stdout=subprocess.PIPE, text=True, check=True).stdout
            )
    publish("reading-memory", report, given.store)


if __name__ == "__main__":
    main()
