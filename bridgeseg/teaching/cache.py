"""Trained networks by what they depend on, so that nothing is trained twice.

    python -m bridgeseg.teaching.cache prepare [--tier fast|full]    train, once, what the chapters load

A run stands in the cache under a key of what made it: the recipe, the pictures, the seed, the device, and a number that
is raised whenever training itself changes. Built in chapter 1.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bridgeseg.data.open_dataset import open_pictures
from bridgeseg.machine.environment import TIERS, cache_folder, device, tier
from bridgeseg.machine.lock import held
from bridgeseg.machine.progress import Bar, Progress
from bridgeseg.structures.labels import BadInput, Labelled
from bridgeseg.system.checkpoint import WEIGHTS, Run, load_run
from bridgeseg.system.recipe import Recipe
from bridgeseg.teaching.lessons import LESSONS, lesson_named
from bridgeseg.training.train_run import train_run
from bridgeseg.training.trainer import TRAINING_VERSION

KEPT = 4  # runs of one recipe; those used least lately go


def trained(recipe: Recipe, dataset: Labelled, seed: int = 0, progress: Progress | None = None) -> Run:
    """Return the networks that a recipe makes of a data set: from the cache, or trained there now.

    recipe: what to do
    dataset: the training part
    seed: of weights, batches and dropout
    progress: called with the share done and a line; None prints a line now and then to standard output
    returns: the run, on the device that chapters compute on
    raises: what `bridgeseg.training.train_run.train_run` raises

    A training that was cut off goes on where it was; two processes that ask for the same one share it, the second
    waiting for the first. Built in chapter 1.
    """
    folder = folder_of(recipe, dataset, seed)
    if not (folder / WEIGHTS).exists():
        bar = Bar(sys.stdout)
        with alone(folder):
            try:
                # When another process has finished it in the meantime, this returns at once.
                train_run(
                    dataset,
                    folder,
                    recipe,
                    seed=seed,
                    device=device(),
                    resume=True,
                    progress=progress or bar,
                )
            finally:
                bar.close()
        _forget_old(folder)
    os.utime(folder)
    return load_run(folder, device())


def folder_of(recipe: Recipe, dataset: Labelled, seed: int) -> Path:
    """Return where in the cache the run of a recipe, a data set and a seed stands, or will stand.

    recipe: what to do
    dataset: the training part; its kind, its categories and the names of its pictures count
    seed: of weights, batches and dropout
    returns: a folder whose name is the recipe's and twelve hexadecimal digits; it need not exist

    Built in chapter 1.
    """
    parts = [recipe.to_json(), dataset.kind, str(seed), device().type, str(TRAINING_VERSION)]
    text = "\0".join([*parts, *dataset.categories, *dataset.names])
    return cache_folder() / "runs" / f"{recipe.name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def lesson(name: str) -> Run | None:
    """Return what a chapter trains, from the cache or trained now; None, with a printed reason, where it cannot be.

    name: one of `bridgeseg.teaching.lessons.LESSONS`
    returns: the run; None where the pictures are not at hand, or ImageNet's weights neither here nor to be downloaded
    raises: BadInput for another name

    Example:
        >>> lesson("cats")
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: lesson 'cats', expected one of pedestrians

    Built in chapter 1.
    """
    asked = lesson_named(name)
    recipe = asked.budgeted(tier())
    try:
        pictures = open_pictures(asked.pictures, "train")
        if pictures is None:
            print(
                f"{name}: not trained, the pictures are not at hand (BRIDGESEG_DATA names no folder with them)"
            )
            return None
        if not (folder_of(recipe, pictures, asked.seed) / WEIGHTS).exists():
            print(
                f"{name}: training with the recipe {recipe.name} for {recipe.minutes:g} minutes, once",
                flush=True,
            )
        return trained(recipe, pictures, asked.seed)
    except BadInput as error:
        print(f"{name}: not trained, {error}")
        return None


def prepare(names: Sequence[str] = tuple(LESSONS)) -> None:
    """Train what the chapters load, unless it is in the cache, and say what was done in a line each.

    names: of lessons; all of them where none is named
    raises: what `lesson` raises

    Built in chapter 1.
    """
    # It makes its list of fonts when it is first imported: here, and not, with a warning, in a chapter.
    import matplotlib.font_manager  # noqa: F401

    for name in names:
        start = time.monotonic()
        if lesson(name) is not None:
            print(f"{name}: ready, {time.monotonic() - start:.0f} s", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m bridgeseg.teaching.cache`.

    arguments: without the program's name; None takes the process's own
    returns: the exit status, 0 where all was trained that can be

    Built in chapter 1.
    """
    parser = argparse.ArgumentParser(
        prog="python -m bridgeseg.teaching.cache", description="Train what the chapters load."
    )
    parser.add_argument("verb", choices=["prepare"])
    parser.add_argument("--tier", choices=TIERS, help="instead of BRIDGESEG_TIER")
    asked = parser.parse_args(arguments)
    if asked.tier:
        os.environ["BRIDGESEG_TIER"] = asked.tier
    try:
        prepare()
    except (BadInput, OSError) as error:
        print(f"bridgeseg.teaching.cache: {error}", file=sys.stderr)
        return 1
    return 0


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Wait until no other process trains what will stand in a place, and keep others waiting meanwhile.

    folder: or a file; it need not exist, and its parents are made

    Built in chapter 1.
    """
    with held(folder.parent / f"{folder.name}.lock", "another process is training it; waiting"):
        yield


def _forget_old(folder: Path) -> None:
    """Remove the runs of the same recipe used least lately: each change of the code leaves one behind."""
    recipe = folder.name.rpartition("-")[0]
    same = [
        p for p in folder.parent.glob(f"{recipe}-*") if p.is_dir() and p.name.rpartition("-")[0] == recipe
    ]
    for old in sorted(same, key=lambda path: -path.stat().st_mtime)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
        (folder.parent / f"{old.name}.lock").unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
