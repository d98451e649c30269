"""A training from the name of its data to a RUN folder: begun, killed, resumed, finished.

While it lasts, the folder holds settings.json (what was asked for), recipe.json and state.pt; when it is finished,
weights.pt and its companions (see `bridgeseg.system.checkpoint`), and no state.

Built in chapter 6.
"""

from __future__ import annotations

import hashlib
import json
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.data.splits import held_out
from bridgeseg.machine.distributed import processes, rank
from bridgeseg.machine.files import write_text
from bridgeseg.structures.labels import BadInput, Labelled, Sample
from bridgeseg.system.checkpoint import LOG, RECIPE, WEIGHTS, Run, save_run
from bridgeseg.system.prediction import predict_maps
from bridgeseg.system.presets import default_recipe, recipe_named
from bridgeseg.system.recipe import Recipe
from bridgeseg.system.score_threshold import choose_threshold
from bridgeseg.training.batches import load_samples
from bridgeseg.training.trainer import Trainer, with_budget

SETTINGS, STATE = "settings.json", "state.pt"
MOST_RESERVED = 0.1  # share of the minutes that choosing the score threshold may be given

Progress = Callable[[float, str], None]


def train_run(
    data: str,
    out: str | Path,
    *,
    recipe: Recipe | str | None = None,
    minutes: float | None = None,
    seed: int | None = None,
    device: torch.device | str = "cpu",
    full: bool = False,
    resume: bool = False,
    progress: Progress = lambda share, text: None,
    began: float | None = None,
) -> Run | None:
    """Train the networks of a recipe on the training part of a data set and keep them in a folder.

    data: `scenes`, `voc:DIR` or `nuclei:DIR`
    out: the RUN folder; new or empty, unless it is to be resumed
    recipe: or its name; None takes that of the run to be resumed, else the data's default
    minutes: for both networks together, reading the pictures and choosing the threshold included; None as the recipe
    seed: of weights, batches and dropout; None takes that of the run to be resumed, else 0
    full: where the default recipe is taken, the one for a GPU
    resume: go on where a killed run was; where there is nothing to go on from, begin
    progress: called with the share done and a line of text
    began: `time.monotonic()` when the minutes began; None is now
    returns: the run, threshold chosen on the held-out part; None when it was finished before, and in every process but
        the first
    raises: BadInput when the folder holds something else or the data or the recipe cannot be used; KeyboardInterrupt,
        the state being saved, on the first Ctrl-C; OSError when writing fails

    Built in chapter 6.
    """
    began = time.monotonic() if began is None else began
    out = Path(out)
    earlier = _earlier(out, resume)
    if earlier is not None and (out / WEIGHTS).exists() and not (out / STATE).exists():
        return None
    chosen, seed = _choose(data, out, recipe, minutes, seed, full, earlier)
    count = chosen.pictures if data == "scenes" else None
    dataset = open_dataset(data, "train", count=count)
    settings = {"data": data.partition(":")[0], "seed": seed, "list of pictures": _digest(dataset)}
    begun = earlier is not None and (out / STATE).exists()
    if begun:
        _check_same(out, chosen, earlier or {}, settings)
    if processes() > 1:
        dist.barrier()  # all have looked at the folder as it was before any writes to it
    if not rank():
        _clean(out)
        if not begun:
            write_text(out / RECIPE, chosen.to_json() + "\n")
            write_text(out / SETTINGS, json.dumps(settings) + "\n")
    return _train(dataset, settings, out, chosen, seed, device, progress, began)


def _train(
    dataset: Labelled,
    settings: dict[str, Any],
    out: Path,
    recipe: Recipe,
    seed: int,
    device: torch.device | str,
    progress: Progress,
    began: float,
) -> Run | None:
    aside = set(held_out(dataset.names, recipe.held_out))
    places = range(len(dataset))
    samples = load_samples(dataset, [i for i in places if dataset.names[i] not in aside], recipe)
    others = load_samples(dataset, [i for i in places if dataset.names[i] in aside], recipe)
    spent = time.monotonic() - began
    if recipe.steps is None and spent >= 60 * recipe.minutes:
        raise BadInput(
            f"minutes: {recipe.minutes:g}, but reading the pictures alone took {spent:.0f} s; expected more"
        )
    with interruptible(progress) as (tell, stopped):
        trainer = Trainer(
            recipe,
            samples,
            len(dataset.categories) - 1,
            seed=seed,
            device=device,
            state=out / STATE,
            spent=spent,
            progress=tell,
        )
        stopped(trainer)
        if (out / STATE).exists():
            trainer.resume()
        else:
            _reserve(trainer, others)
        networks = trainer.run()
    first = rank() == 0
    if processes() > 1:
        dist.destroy_process_group()
    if not first:
        return None
    run = Run(networks, recipe, dataset.categories, 0.5, tuple(dataset.names), settings["data"])
    run = Run(**{**vars(run), "threshold": choose_threshold(run, others)})
    save_run(run, out, log=trainer.log)
    (out / STATE).unlink(missing_ok=True)
    return run


def _reserve(trainer: Trainer, others: Sequence[Sample]) -> None:
    """Set time aside for choosing the score threshold, so that the minutes cover it too.

    One picture is predicted by the networks as they are; with half as much again for grouping it stands for all.
    """
    if trainer.recipe.steps is None and others:
        trainer.networks.eval()
        began = time.monotonic()
        predict_maps(trainer.networks, others[0].picture, trainer.recipe)
        needed = 1.5 * (time.monotonic() - began) * len(others)
        left = 60 * trainer.recipe.minutes - trainer.spent
        trainer.spent += min(needed, MOST_RESERVED * left)
        trainer.seconds = trainer.spent


def _choose(
    data: str,
    out: Path,
    recipe: Recipe | str | None,
    minutes: float | None,
    seed: int | None,
    full: bool,
    earlier: dict[str, Any] | None,
) -> tuple[Recipe, int]:
    """The recipe and the seed: those asked for, else those of the run to be resumed, else the defaults."""
    if isinstance(recipe, str):
        recipe = recipe_named(recipe)
    if recipe is None and earlier is not None:
        try:
            recipe = Recipe.from_json((out / RECIPE).read_text(encoding="utf-8"), str(out / RECIPE))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(
                f"{out / RECIPE}: cannot be read, expected the recipe of the run to resume"
            ) from error
    if seed is None:
        seed = int(earlier["seed"]) if earlier is not None else 0
    return with_budget(recipe or default_recipe(data, full), minutes), seed


def _earlier(out: Path, resume: bool) -> dict[str, Any] | None:
    """What a run in the folder was begun with; None where there is none.

    raises: BadInput where something else is there, or a run that is not to be resumed
    """
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file, expected a folder for the run")
    # A run killed at the very first moment leaves nothing but half a temporary file.
    there = [path.name for path in out.iterdir() if not path.name.startswith(".")] if out.exists() else []
    if there and not resume:
        raise BadInput(f"{out}: is not empty, expected a new folder, or --resume to go on with the run there")
    if SETTINGS not in there:
        if there and set(there) - {RECIPE}:
            raise BadInput(f"{out}: holds no run to resume, expected a new folder or one that `train` wrote")
        return None
    try:
        settings = dict(json.loads((out / SETTINGS).read_text(encoding="utf-8")))
        return {
            "data": str(settings["data"]),
            "seed": int(settings["seed"]),
            "list of pictures": str(settings["list of pictures"]),
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{out / SETTINGS}: cannot be read, expected what the run was begun with") from error


def _check_same(out: Path, recipe: Recipe, earlier: dict[str, Any], settings: dict[str, Any]) -> None:
    """Refuse to go on from a state with another recipe, seed or list of pictures than it was begun with."""
    try:
        same = Recipe.from_json((out / RECIPE).read_text(encoding="utf-8")) == recipe
    except (OSError, ValueError):
        same = False
    differing = [name for name in settings if earlier.get(name) != settings[name]] + ["recipe"] * (not same)
    if differing:
        raise BadInput(f"{out}: was begun with another {differing[0]}, expected the same to resume it")


def _clean(out: Path) -> None:
    """Remove the temporary files that a killed process left behind."""
    if out.exists():
        for name in (STATE, WEIGHTS, RECIPE, SETTINGS, LOG):
            for path in out.glob(f".{name}.*"):
                path.unlink(missing_ok=True)


def _digest(dataset: Labelled) -> str:
    """A short name for the list of pictures: a run must not go on with others."""
    return hashlib.sha256("\n".join([*dataset.categories, *dataset.names]).encode()).hexdigest()[:16]


@contextmanager
def interruptible(progress: Progress) -> Iterator[tuple[Progress, Callable[[Trainer], None]]]:
    """Let the first Ctrl-C wait until a step is whole, save the state, and only then stop; a second stops at once.

    progress: called as before
    returns: a context with the progress function to hand on, and a function that is to be given the trainer

    Between two lines of the log a step may be half done, and the state of that moment is one that no run passes
    through.
    Built in chapter 6.
    """
    trainers: list[Trainer] = []
    asked = False

    def ask(number: int, frame: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def tell(share: float, text: str) -> None:
        progress(share, text)
        if asked and trainers:
            trainers[0].save()
            raise KeyboardInterrupt

    before = signal.getsignal(signal.SIGINT)
    try:
        # Only the main thread may set it, and a process among several must not wait for the others.
        mine = processes() == 1 and before is signal.default_int_handler
        if mine:
            signal.signal(signal.SIGINT, ask)
    except ValueError:
        mine = False
    try:
        yield tell, trainers.append
    finally:
        if mine:
            signal.signal(signal.SIGINT, before)
