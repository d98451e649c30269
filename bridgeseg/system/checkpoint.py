"""Trained networks in a folder, or in one file that ships with the package: all that segmenting needs, and no code.

A RUN is a folder with

    weights.pt       networks and every fact below; read with `weights_only`, so it cannot carry a program
    recipe.json      the recipe, to be read by people
    categories.txt   the names of the categories, one a line, background left out
    log.jsonl        one line of the training's log a line

Only weights.pt is read back. What ships is such a file by itself, in half precision, with a card beside it.

Built in chapter 10.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch
from torch import Tensor, nn

from bridgeseg.machine.files import read_tensors, write_tensors, write_text
from bridgeseg.networks.pretrained import load_exactly
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.build import build_networks
from bridgeseg.system.recipe import Recipe

WEIGHTS, RECIPE, CATEGORIES, LOG = "weights.pt", "recipe.json", "categories.txt", "log.jsonl"
PARTS = (WEIGHTS, RECIPE, CATEGORIES, LOG)
FORMAT = "bridgeseg run 1"


@dataclass(frozen=True, eq=False)
class Run:
    """Trained networks with all that is known about them.

    networks: what `bridgeseg.system.build.build_networks` returns, trained, in evaluation mode
    recipe: what they were trained by; says also how pictures are prepared and how answers are grouped
    categories: the names, "background" first
    threshold: instances with a lower score are not part of the final answer; chosen on pictures that were held out
    trained_on: the names of all pictures of the training part, the held out among them
    data: the kind of data set: "scenes", "voc" or "nuclei"

    Built in chapter 10.
    """

    networks: nn.ModuleDict
    recipe: Recipe
    categories: tuple[str, ...]
    threshold: float = 0.5
    trained_on: tuple[str, ...] = ()
    data: str = ""

    @property
    def device(self) -> torch.device:
        """Where the networks compute: where their weights are."""
        weight = next(self.networks.parameters(), None)
        return torch.device("cpu") if weight is None else weight.device


def save_run(
    run: Run, folder: str | Path, half: bool = False, log: Sequence[dict[str, Any]] | None = None
) -> Path:
    """Write a run as a folder; weights.pt comes last, so a folder that has it is complete.

    run: what is written, all of it
    folder: made if need be; files of the same names are replaced
    half: weights as float16, for half the size; those that float16 cannot hold stay as they are
    log: lines of the log; None writes none
    returns: the folder
    raises: OSError when writing fails

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as place:
        ...     sorted(path.name for path in save_run(load_run("scenes"), place).iterdir())
        ['categories.txt', 'recipe.json', 'weights.pt']

    Built in chapter 10.
    """
    folder = Path(folder)
    write_text(folder / RECIPE, run.recipe.to_json() + "\n")
    write_text(folder / CATEGORIES, "".join(f"{name}\n" for name in run.categories[1:]))
    if log is not None:
        write_text(folder / LOG, "".join(json.dumps(line) + "\n" for line in log))
    save_weights(run, folder / WEIGHTS, half)
    return folder


def save_weights(run: Run, path: str | Path, half: bool = False) -> Path:
    """Write a run as one file, from which `load_weights` reads all of it.

    run: what is written
    path: the file; one of that name is replaced
    half: as in `save_run`
    returns: the file
    raises: OSError when writing fails

    Built in chapter 10.
    """
    state = {name: value.cpu().contiguous() for name, value in run.networks.state_dict().items()}
    values = {
        "format": FORMAT,
        "networks": {name: _halved(value) for name, value in state.items()} if half else state,
        "recipe": run.recipe.to_json(),
        "categories": list(run.categories),
        "threshold": float(run.threshold),
        "trained_on": list(run.trained_on),
        "data": run.data,
    }
    return write_tensors(path, values)


def load_run(name: str | Path, device: torch.device | str = "cpu") -> Run:
    """Load a run from a folder, or, where there is no folder of that name, one that ships with the package.

    name: a folder that `save_run` wrote, or one of `shipped()`
    device: where the networks shall compute
    returns: the run, weights in float32, networks in evaluation mode
    raises: BadInput naming the folder or file when there is none, or when it is no run

    Example:
        >>> run = load_run("scenes")
        >>> run.categories
        ('background', 'disc', 'triangle', 'square', 'star', 'ring')
        >>> run.data, run.recipe.name, len(run.trained_on)
        ('scenes', 'scenes-fast', 2500)

    Built in chapter 10.
    """
    folder = Path(name)
    try:
        there = folder.is_dir()
    except OSError:
        there = False
    if there:
        path = folder / WEIGHTS
        try:
            with path.open("rb") as file:
                return load_weights(file, str(path), device)
        except FileNotFoundError:
            raise BadInput(f"{path}: no such file, expected the weights of a trained run there") from None
        except OSError as error:
            raise BadInput(f"{path}: cannot be read ({error.strerror or error})") from None
    names = shipped()
    if str(name) not in names:
        listed = f"; these ship with the package: {', '.join(names)}" if names else ""
        raise BadInput(f"{name}: no such folder, expected one that `train` wrote{listed}")
    with _checkpoints().joinpath(f"{name}.pt").open("rb") as file:
        return load_weights(cast(BinaryIO, file), f"{name} (shipped)", device)


def shipped() -> list[str]:
    """Return the names of the runs that ship with the package."""
    try:
        return sorted(file.name[:-3] for file in _checkpoints().iterdir() if file.name.endswith(".pt"))
    except OSError:
        return []


def card(name: str) -> dict[str, Any]:
    """Return the card of a run that ships with the package: command, data, minutes, hardware, seed and figures.

    name: one of `shipped()`
    raises: BadInput when no run of that name ships

    Example:
        >>> card("scenes")["command"]
        'python -m bridgeseg train --data scenes --recipe scenes-fast --minutes 8 --seed 0 --out RUN'
        >>> card("scenes")["pictures"]  # those that its figures were measured on
        'the first 200 of val'

    Built in chapter 10.
    """
    file = _checkpoints().joinpath(f"{name}.card.json")
    if not file.is_file():
        raise BadInput(
            f"{name}: no such run in the package, expected one of {', '.join(shipped()) or 'none'}"
        )
    return dict(json.loads(file.read_text(encoding="utf-8")))


def load_weights(file: BinaryIO, where: str, device: torch.device | str = "cpu") -> Run:
    """Read a run from an open file.

    file: what `save_weights` wrote, open for reading
    where: what the file is called, for messages
    device: as in `load_run`
    returns: the run, as `load_run`
    raises: BadInput when it is no file of this package, is cut off or damaged, does not fit its own recipe, or holds
        weights that are not finite

    Built in chapter 10.
    """
    try:
        values = read_tensors(file)
    except Exception as error:  # the loader raises whatever the bytes suggest to it
        raise BadInput(f"{where}: no weights that can be loaded ({type(error).__name__})") from None
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise BadInput(f"{where}: a checkpoint of something else, expected weights of a bridgeseg run")
    try:
        recipe = Recipe.from_json(values["recipe"], where)
        categories = tuple(str(category) for category in values["categories"])
        networks = build_networks(recipe, len(categories) - 1, pretrained=False)
        state = {name: _widened(value) for name, value in values["networks"].items()}
        run = Run(
            networks,
            recipe,
            categories,
            float(values["threshold"]),
            tuple(str(picture) for picture in values["trained_on"]),
            str(values["data"]),
        )
    except BadInput as error:
        raise BadInput(f"{where}: {str(error).removeprefix(f'{where}: ')}") from None
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:80]
        raise BadInput(
            f"{where}: damaged, expected a run of this version ({type(error).__name__}: {reason})"
        ) from None
    load_exactly(networks, state, where)
    if broken := [name for name, value in state.items() if not bool(value.isfinite().all())]:
        raise BadInput(
            f"{where}: {broken[0]} is not finite, expected the weights of a training that went well"
        )
    networks.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    networks.eval().requires_grad_(False)
    return run


def _checkpoints() -> Traversable:
    return resources.files("bridgeseg").joinpath("checkpoints")


def _halved(value: Tensor) -> Tensor:
    if value.dtype != torch.float32:
        return value
    half = value.half()
    return half if bool(half.isfinite().all()) else value


def _widened(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value
