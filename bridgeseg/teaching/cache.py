"""Trained networks by what they depend on, so that nothing is trained twice.

    python -m bridgeseg.teaching.cache prepare [--tier fast|full]    train, once, what the chapters load

A run stands in the cache under a key of everything that made it: the recipe, the pictures' names, the seed, and the
code that training depends on. Change any of it and the key is another. Built in chapter 1.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import resources
from pathlib import Path

from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.machine.environment import TIERS, cache_folder, data_spec, device, tier
from bridgeseg.machine.progress import Bar
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.checkpoint import WEIGHTS, Run, load_run
from bridgeseg.system.recipe import Recipe
from bridgeseg.teaching.lessons import LESSONS, lesson_named
from bridgeseg.training.train_run import train_run
from bridgeseg.training.trainer import with_budget

Progress = Callable[[float, str], None]
KEPT = 4  # runs of one recipe; those used least lately go
FIRST_MODULE = "training.train_run"  # whatever it imports, and so on, makes a trained network what it is


def trained(
    recipe: Recipe,
    spec: str,
    seed: int = 0,
    minutes: float | None = None,
    progress: Progress | None = None,
) -> Run:
    """Return the networks that a recipe makes of a data set: from the cache, or trained there now.

    recipe: what to do
    spec: `scenes`, `voc:DIR` or `nuclei:DIR`
    seed: of weights, batches and dropout
    minutes: instead of the recipe's
    progress: called with the share done and a line; None prints a line now and then to standard output
    returns: the run, on the device that chapters compute on
    raises: what `bridgeseg.training.train_run.train_run` raises

    A training that was cut off goes on where it was; two processes that ask for the same one share it, the second
    waiting for the first. Built in chapter 1.
    """
    recipe = with_budget(recipe, minutes)
    folder = folder_of(recipe, spec, seed)
    if not (folder / WEIGHTS).exists():
        bar = Bar(sys.stdout)
        with _alone(folder):
            try:
                # When another process has finished it in the meantime, this returns at once.
                train_run(
                    spec,
                    folder,
                    recipe=recipe,
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


def folder_of(recipe: Recipe, spec: str, seed: int) -> Path:
    """Return where in the cache the run of a recipe, a data set and a seed stands, or will stand.

    raises: what opening the data set raises

    Built in chapter 1.
    """
    dataset = open_dataset(spec, "train", count=recipe.pictures if spec == "scenes" else None)
    parts = [recipe.to_json(), spec.partition(":")[0], str(seed), device().type, source_key()]
    key = hashlib.sha256("\0".join([*parts, *dataset.categories, *dataset.names]).encode()).hexdigest()[:12]
    return cache_folder() / "runs" / f"{recipe.name}-{key}"


@cache
def source_key() -> str:
    """Return a key of the code that a trained network depends on, the same for code that differs only in comments.

    returns: 64 hexadecimal digits; plots and chapters have no part in it

    Built in chapter 1.
    """
    digest = hashlib.sha256()
    for name in sorted(_modules() - {"system.presets"}):  # the recipe that counts is part of the key itself
        tree = ast.parse(_source(name))
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
                node, False
            ):
                node.body = node.body[1:]
        digest.update(f"{name}\0{ast.dump(tree)}\0".encode())
    return digest.hexdigest()


def lesson(name: str) -> Run | None:
    """Return what a chapter trains, from the cache or trained now; None, with a printed reason, where it cannot be.

    name: one of `bridgeseg.teaching.lessons.LESSONS`
    returns: the run; None where the pictures are not at hand, or ImageNet's weights neither here nor to be downloaded
    raises: BadInput for another name

    Built in chapter 1.
    """
    asked = lesson_named(name)
    spec = data_spec(asked.pictures)
    if spec is None:
        print(f"{name}: not trained, the pictures are not at hand (BRIDGESEG_DATA names no folder with them)")
        return None
    recipe = asked.budgeted(tier())
    try:
        if not (folder_of(recipe, spec, asked.seed) / WEIGHTS).exists():
            print(
                f"{name}: training with the recipe {recipe.name} for {recipe.minutes:g} minutes, once",
                flush=True,
            )
        return trained(recipe, spec, asked.seed)
    except BadInput as error:
        print(f"{name}: not trained, {error}")
        return None


def prepare(names: Sequence[str] = tuple(LESSONS)) -> None:
    """Train what the chapters load, unless it is in the cache, and say what was done in a line each.

    Built in chapter 1.
    """
    # It makes its list of fonts when it is first imported: here, and not, with a warning, in a chapter.
    import matplotlib.font_manager  # noqa: F401

    for name in names:
        start = time.monotonic()
        if lesson(name) is not None:
            print(f"{name}: ready, {time.monotonic() - start:.0f} s", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `python -m bridgeseg.teaching.cache`; returns the exit status."""
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


def _source(name: str) -> str:
    return (
        resources.files("bridgeseg")
        .joinpath(*f"{name}.py".replace(".", "/", name.count(".")).split("/"))
        .read_text("utf8")
    )


def _modules() -> set[str]:
    """The modules that training imports, directly or not."""
    rooms = [folder for folder in resources.files("bridgeseg").iterdir() if folder.is_dir()]
    there = {f"{r.name}.{f.name[:-3]}" for r in rooms for f in r.iterdir() if f.name.endswith(".py")}
    found: set[str] = set()
    waiting = {FIRST_MODULE}
    while waiting:
        name = waiting.pop()
        found.add(name)
        for node in ast.walk(ast.parse(_source(name))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("bridgeseg"):
                waiting |= {node.module.removeprefix("bridgeseg.")} & there - found
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process trains the run of a folder, and keep others waiting meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as file:
        try:
            import fcntl
        except ImportError:  # Windows: there two processes at once would do the work twice
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("another process is training it; waiting", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield  # the system lets go of the lock when the process ends, however it ends


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
