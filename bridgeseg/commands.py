"""The command line: `python -m bridgeseg convert | check | train | segment | evaluate | export`.

Whatever is wrong with what was given becomes one line on standard error and a number other than 0: 1 for files and
data, 2 for the arguments themselves, 130 after Ctrl-C.

Built in chapter 10.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from bridgeseg.arguments import make_parser, read_spec
from bridgeseg.data.open_dataset import open_dataset
from bridgeseg.data_commands import check, convert_verb, export_verb
from bridgeseg.machine.environment import tier
from bridgeseg.machine.files import write_text
from bridgeseg.machine.memory import is_out_of_memory
from bridgeseg.machine.progress import Bar, silent
from bridgeseg.machine.streams import complain, forgiving, warn
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.checkpoint import PARTS, load_run
from bridgeseg.system.evaluation import check_categories, check_unseen, evaluate
from bridgeseg.system.presets import default_recipe, recipe_named
from bridgeseg.system.segment_files import segment_files
from bridgeseg.system.worst_pictures import WorstPictures
from bridgeseg.training.drawn_files import draw_evaluation
from bridgeseg.training.train_run import earlier_recipe, earlier_settings, is_finished, quiet, train_run


@forgiving
def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    arguments: without the program's name; None takes the process's own
    returns: 0 when all was done; argparse's own exits (help, wrong arguments) are raised as SystemExit

    Example:
        >>> main(["evaluate", "nowhere", "--data", "scenes"])  # says why on standard error
        1

    Built in chapter 10.
    """
    began = time.monotonic()
    # Pillow warns of damaged EXIF blocks and large pictures; what matters of that is an error line of ours.
    warnings.filterwarnings("ignore", module="PIL")
    parser = make_parser()
    given = parser.parse_args(arguments)
    if given.verb is None:
        parser.print_help()
        return 0
    try:
        return VERBS[given.verb](given, began)
    except KeyboardInterrupt:
        complain(f"interrupted{AFTER_CTRL_C.get(given.verb, '')}")
        return 130
    except ValueError as error:  # BadInput among them
        # Every process of a group finds the same; one line is enough.
        if os.environ.get("RANK", "0") == "0":
            complain(str(error))
    except OSError as error:
        place = error.filename or next(
            value for name in ("out", "run", "data") if (value := getattr(given, name, None))
        )
        nowhere = os.path.islink(place) and not os.path.exists(place)
        complain(f"{place}: {'a link that leads nowhere' if nowhere else error.strerror or error}")
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        complain(f"not enough memory ({str(error).splitlines()[0] if str(error) else 'allocation failed'})")
    return 1


def train(given: argparse.Namespace, began: float) -> int:
    """Train networks on the training part of a data set: the verb `train`.

    given: what `make_parser` read
    began: when the program began, which the minutes count from; `time.monotonic()`
    returns: 0
    raises: what `train_run` and reading the data raise

    Built in chapter 10.
    """
    device = _device(given.device)
    first = _join_processes(device) == 0
    if device.type == "cuda" and dist.is_initialized():
        device = torch.device("cuda", torch.cuda.current_device())
    bar = Bar()
    try:
        earlier = earlier_settings(given.out, given.resume)
        finished = is_finished(given.out)
        if not finished:
            spec = read_spec(given.data)
            if given.recipe is not None:
                recipe = recipe_named(given.recipe)
            elif earlier is not None:
                recipe = earlier_recipe(given.out)
            else:
                recipe = default_recipe(spec.kind, _full(device))
            count = recipe.pictures.scenes if spec.kind == "scenes" else None
            run = train_run(
                open_dataset(*spec, "train", count=count, note=warn if first else quiet),
                given.out,
                recipe.with_minutes(given.minutes).with_steps(given.steps).with_at_most(given.batch),
                seed=given.seed,
                device=device,
                resume=given.resume,
                progress=bar if first else silent,
                warn=warn if first else quiet,
                began=began,
            )
    finally:
        bar.close()
        if dist.is_initialized():
            dist.destroy_process_group()
    if finished and first:
        print(f"{given.out}: is finished already, nothing to resume")
    elif first:
        print(f"{given.out}: trained by {run.recipe.name}, score threshold {run.threshold:.2f}")
    return 0


def segment(given: argparse.Namespace, began: float) -> int:
    """Segment pictures with a run, and say a line for each that cannot be read: the verb `segment`.

    given, began: as in `train`
    returns: 0, or 1 where a picture could not be segmented
    raises: what `load_run` and `segment_files` raise

    Built in chapter 10.
    """
    run = load_run(given.run, _device(given.device))
    wrong = 0
    bar = Bar(quiet=True)

    def count(line: str) -> None:
        nonlocal wrong
        wrong += 1
        bar.close()
        complain(line)

    def note(line: str) -> None:
        bar.close()
        warn(line)

    try:
        done = segment_files(
            run,
            given.pictures,
            given.out,
            count,
            bar,
            note,
            overlays=given.overlays,
            scores=given.scores,
            channel=given.channel,
        )
    finally:
        bar.close()
    if done:
        print(f"{given.out}: {done} {'picture' if done == 1 else 'pictures'} segmented")
    return 1 if wrong else 0


def evaluate_verb(given: argparse.Namespace, began: float) -> int:
    """Measure a run on a data set, print the figures and write them: the verb `evaluate`.

    given, began: as in `train`
    returns: 0
    raises: BadInput where the figures or the drawings cannot be written, where the run has other categories or was
        trained on these pictures, and what `load_run` and reading the data raise

    Built in chapter 10.
    """
    if given.json and (Path(given.json).is_dir() or given.json.endswith(os.sep)):
        raise BadInput(f"json: {given.json} is a folder, expected a file to write the figures to")
    if given.json and Path(given.json).resolve() in [Path(given.run).resolve() / name for name in PARTS]:
        raise BadInput(f"json: {given.json} is a part of the run, expected another file")
    if given.plots and Path(given.plots).exists() and not Path(given.plots).is_dir():
        raise BadInput(f"plots: {given.plots} is a file, expected a folder to draw into")
    run = load_run(given.run, _device(given.device))
    dataset = open_dataset(*read_spec(given.data), given.split, count=given.count, note=warn)
    check_categories(run.categories, dataset.categories)
    if warning := check_unseen(run, dataset, given.split):
        warn(warning)
    bar = Bar(quiet=True)
    worst = WorstPictures(run.threshold) if given.plots else None
    notes: list[str] = []
    try:
        figures = evaluate(run, dataset, given.rule, bar, look=worst, note=notes.append)
    finally:
        bar.close()
        for line in notes:
            warn(line)
    if not figures["instances"]:
        raise BadInput(
            f"{given.data}: not one instance in the {len(dataset)} pictures of split {given.split!r}, expected some"
        )
    # What took minutes is written before anything is printed, and printed whatever becomes of that.
    place = f"json: {given.json} cannot be written"
    try:
        if given.json:
            text = json.dumps({k: figures[k] for k in STORED}, indent=1) + "\n"
            if given.json == "-":
                print(text, end="")
            else:
                write_text(Path(given.json), text)
        place = f"plots: {given.plots} cannot be written into"
        if worst is not None:
            draw_evaluation(worst, run.categories, given.rule, Path(given.plots))
    except OSError as error:
        raise BadInput(f"{place} ({error.strerror or error})") from error
    finally:
        print(table(figures), file=sys.stderr if given.json == "-" else sys.stdout)
    return 0


# What `evaluate --json` writes, neither more nor less: programs rely on it.
STORED = ("mean_iou", "iou", "ap_r", "ap_r_vol", "rule", "images", "instances", "seconds_per_image")
AFTER_CTRL_C = {
    "train": "; the same command with --resume goes on from the last saved state",
    "segment": "; the pictures that were finished are in all files",
}
VERBS = {
    "convert": convert_verb,
    "check": check,
    "train": train,
    "segment": segment,
    "evaluate": evaluate_verb,
    "export": export_verb,
}


def table(figures: dict[str, Any]) -> str:
    """Return the figures that `evaluate` gives as lines to read.

    Built in chapter 10.
    """

    def show(value: float | None) -> str:
        return "  –  " if value is None else f"{value:.3f}"

    wide = max(len(name) for name in [*figures["iou"], "seconds per picture"])
    lines = [f"{figures['images']} pictures, {figures['instances']} instances, rule {figures['rule']}", ""]
    single = {name: values["0.5"] for name, values in figures["ap_r_by_category"].items()}
    for name, value in figures["iou"].items():
        instances = f"   AP^r 0.5 {show(single[name])}" if name in single else ""
        lines.append(f"{'IoU ' + name:{wide + 4}}  {show(value)}{instances}")
    lines += [f"{'mean IoU':{wide + 4}}  {show(figures['mean_iou'])}", ""]
    lines += [f"{'AP^r ' + level:{wide + 4}}  {show(value)}" for level, value in figures["ap_r"].items()]
    lines += [f"{'AP^r vol':{wide + 4}}  {show(figures['ap_r_vol'])}", ""]
    lines.append(f"{'seconds per picture':{wide + 4}}  {show(figures['seconds_per_image'])}")
    return "\n".join(lines)


def _device(named: str | None) -> torch.device:
    """The device of that name, there and usable."""
    if named is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(named)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise BadInput(
            f"device: {named!r} is not to be had here, expected cpu, or cuda with a GPU"
        ) from error
    return device


def _full(device: torch.device) -> bool:
    """Whether to train by a recipe for a GPU where none was named."""
    return tier() == "full" if os.environ.get("BRIDGESEG_TIER") else device.type == "cuda"


def _join_processes(device: torch.device) -> int:
    """Join the other processes where `torchrun` started this one, and return its number."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return 0
    if device.type == "cuda":
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    return dist.get_rank()
