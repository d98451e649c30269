"""A training from a data set to a RUN folder: begun, killed, resumed, finished.

While it lasts, the folder holds settings.json (what was asked for), recipe.json and state.pt; when it is finished,
weights.pt and its companions (see `bridgeseg.system.checkpoint`), and no state. curves.png shows how it went; it is
drawn when the run ends, also by Ctrl-C or because it diverged.

Built in chapter 6.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from bridgeseg.data.splits import held_out
from bridgeseg.machine.distributed import processes, rank
from bridgeseg.machine.files import UNFINISHED, write_text
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.machine.workers import cores
from bridgeseg.structures.labels import BadInput, Labelled, Sample
from bridgeseg.system.checkpoint import RECIPE, WEIGHTS, Run, load_run, save_run
from bridgeseg.system.made_smaller import made_smaller
from bridgeseg.system.prediction import predict_maps
from bridgeseg.system.recipe import Recipe
from bridgeseg.system.score_threshold import OTHERWISE, choose_threshold
from bridgeseg.training.curves_file import draw_curves
from bridgeseg.training.interrupts import stopped_by_ctrl_c
from bridgeseg.training.store import Store, Unread, open_store
from bridgeseg.training.trainer import Diverged, Trainer

SETTINGS, STATE = "settings.json", "state.pt"
MOST_RESERVED = 0.1  # share of the minutes that choosing the score threshold may be given


def quiet(line: str) -> None:
    """Say nothing: the warnings of whoever does not ask for them.

    line: what would be said

    Built in chapter 6.
    """


@dataclass(frozen=True)
class Settings:
    """What a run was begun with, beside its recipe.

    data: the kind of data set
    seed: of weights, batches and dropout
    pictures: a short name for the list of pictures; a run must not go on with others

    Built in chapter 6.
    """

    data: str
    seed: int
    pictures: str

    def to_json(self) -> str:
        """Return the settings as JSON text."""
        return json.dumps({"data": self.data, "seed": self.seed, "list of pictures": self.pictures})

    @staticmethod
    def read(path: Path) -> Settings:
        """Return the settings that stand in a file.

        path: the file
        raises: BadInput when it cannot be read
        """
        try:
            values = dict(json.loads(path.read_text(encoding="utf-8")))
            return Settings(str(values["data"]), int(values["seed"]), str(values["list of pictures"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise BadInput(f"{path}: cannot be read, expected what the run was begun with") from error


def train_run(
    dataset: Labelled,
    out: str | Path,
    recipe: Recipe | None = None,
    *,
    seed: int | None = None,
    device: torch.device | str = "cpu",
    resume: bool = False,
    progress: Progress = silent,
    warn: Callable[[str], None] = quiet,
    began: float | None = None,
) -> Run:
    """Train the networks of a recipe on a data set and keep them in a folder.

    dataset: the training part, held-out pictures included
    out: the RUN folder; new or empty, unless it is to be resumed
    recipe: what to do; its minutes include reading the pictures and choosing the threshold. None takes that of the run
        to be resumed
    seed: of weights, batches and dropout; None takes that of the run to be resumed, else 0
    device: where the networks compute
    resume: go on where a killed run was; where there is nothing to go on from, begin; one that is finished is loaded
    progress: called with the share done and a line of text
    warn: called with a line for what the pictures lack
    began: `time.monotonic()` when the minutes began; None is now
    returns: the run, threshold chosen on the held-out part; the same in every process
    raises: BadInput when the folder holds something else, or the data or the recipe cannot be used; KeyboardInterrupt,
        the state being saved, on the first Ctrl-C; OSError when writing fails

    Built in chapter 6.
    """
    began = time.monotonic() if began is None else began
    out = Path(out)
    earlier = earlier_settings(out, resume)
    if is_finished(out):
        return load_run(out, device)
    if recipe is None:
        recipe = earlier_recipe(out)
    if seed is None:
        seed = 0 if earlier is None else earlier.seed
    settings = Settings(dataset.kind, seed, _digest(dataset))
    begun = earlier is not None and (out / STATE).exists()
    if earlier is not None and begun:
        _check_same(out, recipe, earlier, settings)
    if processes() > 1:
        dist.barrier()  # all have looked at the folder as it was before any writes to it
    if not rank():
        _clean(out)
        if not begun:
            write_text(out / RECIPE, recipe.to_json() + "\n")
            write_text(out / SETTINGS, settings.to_json() + "\n")
    return _train(dataset, out, recipe, seed, device, progress, warn, began)


def _train(
    dataset: Labelled,
    out: Path,
    recipe: Recipe,
    seed: int,
    device: torch.device | str,
    progress: Progress,
    warn: Callable[[str], None],
    began: float,
) -> Run:
    aside = set(held_out(dataset.names, recipe.pictures.held_out))
    parts: tuple[list[int], list[int]] = ([], [])
    for index, name in enumerate(dataset.names):
        parts[name in aside].append(index)
    store = open_store(dataset, parts[0], stretch=recipe.pictures.stretch, device=device, workers=cores())
    others = [dataset[index] for index in parts[1]]
    spent = time.monotonic() - began
    if recipe.steps is None and spent >= 60 * recipe.minutes:
        raise BadInput(
            f"minutes: {recipe.minutes:g}, but reading the pictures alone took {spent:.0f} s; expected more"
        )
    for line in [*missing(store, dataset.categories), *missing_held_out(others), *once_each(store, recipe)]:
        warn(line)
    for line in made_smaller({one.name: one.picture.shape for one in others}, recipe.pictures):
        warn(f"to choose the score threshold by, as `segment` would: {line}")
    trainer = Trainer(
        recipe,
        store,
        len(dataset.categories) - 1,
        seed=seed,
        device=device,
        state=out / STATE,
        spent=spent,
        progress=progress,
    )
    if (out / STATE).exists():
        trainer.resume()
    elif recipe.steps is None and others:
        needed = seconds_to_choose(trainer, others)
        trainer.reserve(min(needed, MOST_RESERVED * (60 * recipe.minutes - spent)))
    try:
        with stopped_by_ctrl_c(trainer):
            networks = trainer.run()
    except Diverged:
        draw_curves(trainer.log, out, warn)
        raise
    if trainer.stop:
        draw_curves(trainer.log, out, warn)
        raise KeyboardInterrupt
    run = Run(networks, recipe, dataset.categories, 0.5, tuple(dataset.names), dataset.kind)
    run = dataclasses.replace(run, threshold=choose_threshold(run, others))
    if not rank():
        save_run(run, out, log=trainer.log)
        (out / STATE).unlink(missing_ok=True)
        draw_curves(trainer.log, out, warn)
    return run


def missing(store: Store | Unread, categories: Sequence[str]) -> list[str]:
    """Return what the training pictures do not show, a line each.

    store: the pictures; of those that are read anew every time nothing is known beforehand
    categories: the names, "background" first
    returns: lines, none where every category occurs
    raises: BadInput where no picture has any object: there is nothing to learn

    Our choice. Built in chapter 6.
    """
    if isinstance(store, Unread):
        return []
    if not store.most:
        raise BadInput("pictures: none of those to train on has an instance, expected some with objects")
    there = set(store.flat.categories.unique().tolist())
    absent = [name for number, name in enumerate(categories) if number not in there and number]
    if not absent:
        return []
    return [f"in no picture to train on: {', '.join(absent)}; the networks cannot learn what they never see"]


def missing_held_out(others: Sequence[Sample]) -> list[str]:
    """Return a line where the held-out pictures have no object to choose the score threshold by.

    others: the pictures held out; none is held out on purpose
    returns: no line or one

    Our choice. Built in chapter 6.
    """
    if not others or any(sample.instances.any() for sample in others):
        return []
    return [f"no object in the {len(others)} pictures held out; the score threshold stays at {OTHERWISE}"]


def once_each(store: Store | Unread, recipe: Recipe) -> list[str]:
    """Return a line where pictures were to come by their area, and come once an epoch.

    store: the pictures; of those that are read anew every time no size is known beforehand
    recipe: says how pictures come
    returns: no line or one

    Our choice. Built in chapter 6.
    """
    if not isinstance(store, Unread) or not any(each.crops.by_area for each in recipe.learners.values()):
        return []
    return ["more pictures than memory holds: each comes once an epoch, and not as often as its area says"]


def seconds_to_choose(trainer: Trainer, others: Sequence[Sample]) -> float:
    """Return about how long choosing the score threshold will take.

    trainer: whose networks are asked as they are
    others: the pictures held out; the first is predicted and, with half as much again for grouping, stands for all
    returns: seconds

    Built in chapter 6.
    """
    trainer.networks.eval()
    began = time.monotonic()
    predict_maps(trainer.networks, others[0].picture, trainer.recipe)
    return 1.5 * (time.monotonic() - began) * len(others)


def is_finished(out: str | Path) -> bool:
    """Return whether a folder holds a run that was trained to its end.

    out: the RUN folder; it need not exist

    Built in chapter 6.
    """
    return (Path(out) / WEIGHTS).exists() and not (Path(out) / STATE).exists()


def earlier_settings(out: str | Path, resume: bool) -> Settings | None:
    """Return what a run in a folder was begun with; None where there is none.

    out: the RUN folder; it need not exist
    resume: whether a run that is there is to be gone on with
    raises: BadInput where something else is there, or a run that is not to be resumed

    Built in chapter 6.
    """
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out}: is a file, expected a folder for the run")
    # A run killed at the very first moment leaves nothing but half a temporary file.
    there = [path.name for path in out.iterdir() if not path.name.startswith(".")] if out.exists() else []
    if there and not resume:
        raise BadInput(f"{out}: is not empty, expected a new folder, or --resume to go on with the run there")
    if SETTINGS in there:
        return Settings.read(out / SETTINGS)
    if there and set(there) - {RECIPE}:
        raise BadInput(f"{out}: holds no run to resume, expected a new folder or one that `train` wrote")
    return None


def earlier_recipe(out: str | Path) -> Recipe:
    """Return the recipe of the run in a folder.

    out: the RUN folder
    raises: BadInput where it cannot be read

    Built in chapter 6.
    """
    path = Path(out) / RECIPE
    try:
        return Recipe.from_json(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path}: cannot be read, expected the recipe of the run to resume") from error


def _check_same(out: Path, recipe: Recipe, earlier: Settings, settings: Settings) -> None:
    """Refuse to go on from a state with another recipe, seed or list of pictures than it was begun with."""
    for title, before, now in (
        ("data", earlier.data, settings.data),
        ("seed", earlier.seed, settings.seed),
        ("list of pictures", earlier.pictures, settings.pictures),
        ("recipe", earlier_recipe(out), recipe),
    ):
        if before != now:
            raise BadInput(f"{out}: was begun with another {title}, expected the same to resume it")


def _clean(out: Path) -> None:
    """Remove the temporary files that a killed process left behind."""
    if out.exists():
        for path in out.glob(f"{UNFINISHED}*"):
            path.unlink(missing_ok=True)


def _digest(dataset: Labelled) -> str:
    """A short name for the list of pictures."""
    return hashlib.sha256("\n".join([*dataset.categories, *dataset.names]).encode()).hexdigest()[:16]
