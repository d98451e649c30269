"""What a GPU is measured with: a network of a recipe with its optimiser, a mini-batch on the device, a clock.

Everything that the stages of `gpu.py` ask of the package passes through here.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from unittest import mock

import numpy as np
import torch
from torch import Tensor, nn

from bridgeseg.data.scenes import CATEGORIES as SCENES
from bridgeseg.data.scenes import draw_scene
from bridgeseg.machine.bfloat16 import computes_bfloat16
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.labels import VOID, Sample
from bridgeseg.system.build import build_fcn
from bridgeseg.system.presets import RECIPES
from bridgeseg.system.recipe import Learner, Recipe
from bridgeseg.training.objective import objective_of
from bridgeseg.training.optimiser import make_optimiser, parameter_groups, set_rate

FULL = ("scenes-full", "nuclei-full", "voc", "streets-light", "photos-light")
COUNTS = {"scenes-full": len(SCENES) - 1, "nuclei-full": 1, "voc": 20, "streets-light": 1, "photos-light": 20}
# Height and width of a usual picture of each, and objects in it.
PICTURES = {
    "scenes-full": (96, 96, 6),
    "nuclei-full": (256, 320, 45),
    "voc": (375, 500, 3),
    "streets-light": (360, 420, 3),
    "photos-light": (375, 500, 3),
}
CHANNELS_LAST = torch.channels_last


@dataclasses.dataclass(frozen=True)
class Setting:
    """Where and how large is measured.

    device: "cuda" or "cpu"
    small: tiny networks, pictures and times, to try the script itself
    """

    device: str
    small: bool

    @property
    def seconds(self) -> float:
        """How long a number is measured."""
        return 0.05 if self.small else 0.6


def recipe_of(name: str, setting: Setting) -> Recipe:
    """Return a full recipe that starts from nothing, since weights are not at hand; tiny where the setting is."""
    recipe = RECIPES[name]
    return dataclasses.replace(
        recipe,
        semantic=learner_of(recipe.semantic, setting),
        localization=None if recipe.localization is None else learner_of(recipe.localization, setting),
    )


def learner_of(learner: Learner, setting: Setting) -> Learner:
    """Return one network's part of such a recipe."""
    network = dataclasses.replace(learner.network, pretrained=False)
    if not setting.small:
        return dataclasses.replace(learner, network=network)
    trunk = "resnet50" if network.trunk == "resnet101" else network.trunk
    return Learner(
        dataclasses.replace(network, trunk=trunk, width=8, hidden=8),
        dataclasses.replace(learner.crops, side=min(learner.crops.side, 72)),
        dataclasses.replace(learner.optimiser, batch=4),
    )


class Bench:
    """One network of a recipe, ready to learn from one mini-batch that lies on the device.

    name, which: of the recipe and of its network
    batch: pictures, where it is not the recipe's
    bfloat16: None as the trainer decides
    norm: takes the place of fixed statistics
    channels_last: as the trainer, or torch's usual order
    optimiser: more arguments, "fused" for example
    """

    def __init__(
        self,
        name: str,
        setting: Setting,
        which: str | None = None,
        *,
        batch: int | None = None,
        bfloat16: bool | None = None,
        norm: type[nn.Module] | None = None,
        channels_last: bool = True,
        **optimiser: object,
    ) -> None:
        self.device = torch.device(setting.device)
        self.recipe = recipe_of(name, setting)
        self.which = which or next(iter(self.recipe.learners))
        self.learner = self.recipe.learners[self.which]
        torch.manual_seed(0)
        outputs = {"categories": COUNTS[name] + 1, "boxes": 4}
        if self.which != "both":
            outputs.pop("boxes" if self.which == "semantic" else "categories")
        swapped = mock.patch("bridgeseg.system.build.FixedStatistics", norm) if norm else nullcontext()
        with swapped, self.device:
            self.network = build_fcn(self.learner.network, outputs, pretrained=False).train()
        if channels_last:
            self.network.to(memory_format=CHANNELS_LAST)
        self.channels_last = channels_last
        groups, how = parameter_groups(self.network, self.learner), self.learner.optimiser
        self.optimiser = make_optimiser(groups, how, self.device)
        if optimiser:
            usual = {"lr": how.rate} | ({"momentum": how.momentum} if how.kind == "sgd" else {})
            plain = [{name: value for name, value in group.items() if name != "lr"} for group in groups]
            self.optimiser = type(self.optimiser)(plain, **usual, **optimiser)
        self.bfloat16 = computes_bfloat16(self.device) if bfloat16 is None else bfloat16
        if setting.device == "cpu" and bfloat16 is None:
            self.bfloat16 = self.bfloat16 and self.learner.optimiser.bfloat16
        self.computing: Callable[[Tensor], dict[str, Tensor]] = self.network
        size, side = batch or self.learner.optimiser.batch, self.learner.crops.side
        self.most = PICTURES[name][2]
        self.batch = tuple(
            part.to(self.device) for part in random_batch(size, side, COUNTS[name], PICTURES[name][2])
        )

    @property
    def stride(self) -> int:
        """Pixels from cell to cell of the answer."""
        return self.network.output_stride

    def forward(self) -> dict[str, Tensor]:
        """Answer the mini-batch."""
        pictures = normalise(self.batch[0])
        if not self.channels_last:
            pictures = pictures.contiguous()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bfloat16):
            return self.computing(pictures)

    def loss(self) -> Tensor:
        """Answer and compare."""
        answers = self.forward()
        return objective_of(
            answers, self.batch[1], self.batch[2], self.stride, self.recipe.losses, self.most
        ).loss

    def gradients(self) -> None:
        """Answer, compare and go back."""
        self.optimiser.zero_grad(set_to_none=True)
        self.loss().backward()

    def clip(self) -> None:
        """Hold the norm of the gradient."""
        nn.utils.clip_grad_norm_(self.network.parameters(), self.learner.optimiser.clip)

    def step(self) -> None:
        """Everything that a step of the trainer does once its mini-batch lies on the device."""
        torch.manual_seed(1)
        set_rate(self.optimiser, self.learner.optimiser.rate * 1e-3)
        self.gradients()
        self.clip()
        self.optimiser.step()


def random_batch(size: int, side: int, categories: int, objects: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return noise with rectangles as labels: pictures (N, side, side, 3) uint8, categories uint8, instances int32."""
    random = np.random.default_rng(0)
    pictures = random.integers(0, 256, (size, side, side, 3), dtype=np.uint8)
    kinds, numbers = np.zeros((size, side, side), np.uint8), np.zeros((size, side, side), np.int32)
    usual = side / np.sqrt(objects) / 1.5
    for picture in range(size):
        for number in range(1, objects + 1):
            top, left = random.integers(0, side, 2)
            tall, wide = (random.uniform(0.4, 1.4, 2) * usual).astype(int) + 2
            kinds[picture, top : top + tall, left : left + wide] = random.integers(1, categories + 1)
            numbers[picture, top : top + tall, left : left + wide] = number
    return torch.from_numpy(pictures), torch.from_numpy(kinds), torch.from_numpy(numbers)


def samples_of(name: str, count: int) -> list[Sample]:
    """Return pictures of the recipe's usual size to train on: scenes, or rectangles where there are many objects."""
    height, width, objects = PICTURES[name]
    if objects < 10:
        scenes = [draw_scene(0, index, (height, width)) for index in range(count)]
        most = COUNTS[name]
        return [
            dataclasses.replace(
                one, categories=np.where(one.categories == VOID, VOID, one.categories.clip(max=most))
            )
            for one in scenes
        ]
    pictures, kinds, numbers = random_batch(count, max(height, width), COUNTS[name], objects)
    return [
        Sample(f"{index}", one.numpy()[:height], kind.numpy()[:height], number.numpy()[:height])
        for index, (one, kind, number) in enumerate(zip(pictures, kinds, numbers, strict=True))
    ]


def wait(device: str) -> None:
    """Wait until the device has done all that it was given."""
    if device == "cuda":
        torch.cuda.synchronize()


@contextmanager
def tuned(benchmark: bool) -> Iterator[None]:
    """Let cuDNN try its algorithms and keep the fastest, or not."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = benchmark
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def milliseconds(work: Callable[[], object], setting: Setting, seconds: float | None = None) -> float:
    """Return how long a call takes, the median of some rounds, after some calls that do not count."""
    for _ in range(1 if setting.small else 3):
        work()
    wait(setting.device)
    began = time.perf_counter()
    work()
    wait(setting.device)
    once = max(time.perf_counter() - began, 1e-6)
    wanted = seconds or setting.seconds
    calls = max(1, round(wanted / 5 / once))
    rounds = []
    for _ in range(5 if once < wanted else 2):
        began = time.perf_counter()
        for _ in range(calls):
            work()
        wait(setting.device)
        rounds.append((time.perf_counter() - began) / calls)
    return round(statistics.median(rounds) * 1e3, 4 if once < 1e-3 else 2)


@cache
def matrix_rate(setting: Setting) -> float:
    """Return the rate of a bfloat16 matrix product of random numbers, FLOP a second: the limit of all that follows."""
    side = 256 if setting.small else 8192
    a, b = (torch.randn(side, side, device=setting.device).bfloat16() for _ in range(2))
    return 2 * side**3 / (milliseconds(lambda: a @ b, setting) / 1e3)


def peak_gib(work: Callable[[], object], setting: Setting) -> float | None:
    """Return the largest memory that tensors took while work was done three times, GiB; None without a GPU."""
    if setting.device == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    for _ in range(3 if setting.device == "cuda" else 1):
        work()
    wait(setting.device)
    return round(torch.cuda.max_memory_allocated() / 2**30, 2) if setting.device == "cuda" else None
