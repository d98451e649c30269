"""A recipe: every number of a training and of an answer, in parts, and how it is written to a file and read back.

What each number means stands beside it; which recipes there are, and where their numbers come from,
`bridgeseg.system.presets` says. A function takes the part that it needs and not the whole. Built in chapters 6 and 10.
"""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass, field
from typing import Any

from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting
from bridgeseg.losses.loss_recipe import BoxLossRecipe, CategoryLossRecipe, LossRecipe
from bridgeseg.structures.labels import BadInput


@dataclass(frozen=True)
class NetworkRecipe:
    """How a network is built.

    The defaults are the laptop's (our choice). Built in chapter 5.
    """

    trunk: str = "resnet18"  # resnet18 … resnet152, or mobilenet_v2
    width: int = 24  # channels of the stem; 64 in the paper's trunks
    pretrained: bool = False  # ImageNet weights
    output_stride: int = 8  # of the trunk
    expand: bool = False  # of mobilenet_v2: keep its last convolution, 1,280 features of ImageNet's classes
    head: str = "refine"  # "large" (the paper's), "two-layer" (later code), "refine" (ours)
    hidden: int = 48  # channels inside the head, where it has any
    stride: int = 2  # of the "refine" head's answer
    kernel: int = 5  # of the "large" head; paper, field of view 392
    dilation: int = 12  # of the "large" and "two-layer" heads; paper, field of view 392
    dropout: tuple[float, float] = (0.0, 0.0)  # in the last two blocks; 0.3 and 0.5 in the later code
    frozen_statistics: bool = False  # batch statistics as they were pretrained
    frozen_layers: int = 0  # of mobilenet_v2: so many first layers stay as they were pretrained


@dataclass(frozen=True)
class CropRecipe:
    """The windows that a network is shown in training.

    raises: BadInput naming what is out of range

    Example:
        >>> CropRecipe(side=96, scales=(0.5, 2.0)).largest
        192

    The defaults are the laptop's (our choice). Built in chapter 6.
    """

    side: int = 96  # of the square window that the network sees, pixels
    scales: tuple[float, float] = (1.0, 1.0)  # of the picture, even on a logarithmic axis
    upright: bool = True  # mirror left to right only; otherwise all eight positions
    jitter: float = 0.0  # of brightness, contrast and saturation, 0…1
    alternate: bool = False  # draw a position once a picture, then take the next every epoch
    by_area: bool = False  # a picture comes √n times an epoch where n windows cover it; otherwise once

    def __post_init__(self) -> None:
        if self.side < 1:
            raise BadInput(f"side is {self.side}, expected at least 1 pixel")
        if not 0 < self.scales[0] <= self.scales[1] < math.inf:
            raise BadInput(f"scales are {self.scales}, expected two factors above 0, the smaller first")
        if not 0 <= self.jitter <= 1:
            raise BadInput(f"jitter is {self.jitter}, expected 0 to 1")

    @property
    def largest(self) -> int:
        """Side of the largest window, in pixels of the picture as it is stored."""
        return max(1, round(self.side / self.scales[0]))

    @property
    def resampled(self) -> bool:
        """Whether any window has another size than what the network sees."""
        return (self.largest, max(1, round(self.side / self.scales[1]))) != (self.side, self.side)


@dataclass(frozen=True)
class OptimiserRecipe:
    """How the weights of a network are moved.

    Example:
        >>> OptimiserRecipe("sgd", rate=0.1).momentum
        0.9

    The defaults are the laptop's (our choice). Built in chapter 6.
    """

    kind: str = "adamw"  # or "sgd"
    rate: float = 2e-3  # the highest learning rate, reached when the warm-up ends
    head_rate: float = 1.0  # factor for what was not pretrained
    decay: float = 0.02  # weight decay; biases and normalisations have none
    momentum: float = 0.9  # of "sgd"; "adamw" has its own
    batch: int = 16  # windows in a mini-batch, from which a step learns
    parts: int = 1  # in which a mini-batch is computed one after the other, where memory is small
    warm_up: float = 0.03  # share of the run over which the rate rises
    power: float = 0.9  # of the rate's polynomial decay; 1 is a straight line
    clip: float = 5.0  # largest norm of the gradient
    bfloat16: bool = False  # train in it on a processor that computes in it; on such a GPU always


@dataclass(frozen=True)
class Learner:
    """One network: how it is built, what it is shown, how its weights are moved.

    Built in chapter 6.
    """

    network: NetworkRecipe = NetworkRecipe()  # how it is built
    crops: CropRecipe = CropRecipe()  # what it is shown
    optimiser: OptimiserRecipe = OptimiserRecipe()  # how its weights are moved


@dataclass(frozen=True)
class PictureRecipe:
    """Which pictures, and how whole ones are shown, in training and afterwards.

    raises: BadInput for a tile that has no pixel

    Built in chapters 2 and 11.
    """

    scenes: int | None = None  # so many are drawn for training, where the data are drawn
    held_out: float = 0.05  # of the training pictures, kept back to choose the score threshold
    stretch: bool = False  # contrast of every picture stretched to the full range, for micrographs
    zoom: float = 1.0  # the network sees a picture at so many times its size; small objects need cells
    long_side: int = 2048  # pixels; a picture that would be shown longer is made smaller, or shown in tiles
    tile: int | None = None  # side of a tile, pixels as shown, without what is seen round it; None: no tiles
    views: tuple[float, ...] = (1.0,)  # sizes at which the semantic network is asked, times what it is shown
    mirrored: bool = False  # and each of them mirrored; paper: multi-view testing, no detail

    def __post_init__(self) -> None:
        if self.tile is not None and self.tile < 1:
            raise BadInput(f"tile is {self.tile}, expected at least 1 pixel, or None")


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, for how long, and how to group the answer.

    name: what it is called, also on the command line
    semantic: the network that gives the categories
    localization: the network that gives the boxes, apart as in the paper; None lets the semantic network's trunk give
        both (our choice, for laptops)
    losses, pictures: of both
    grouping: `Voting`, our clustering, or `Suppression`, the paper's
    steps: of both networks together, a fixed number; None takes as many as fit into the minutes
    minutes: for both networks together
    box_share: of the steps or minutes, for the localization network where it is apart

    Built in chapter 6.
    """

    name: str
    semantic: Learner = Learner()
    localization: Learner | None = None
    losses: LossRecipe = LossRecipe()
    pictures: PictureRecipe = PictureRecipe()
    grouping: Voting | Suppression = field(default_factory=Voting)
    steps: int | None = None
    minutes: float = 8.0
    box_share: float = 0.5

    @property
    def learners(self) -> dict[str, Learner]:
        """The networks to train, by name, in their order: "both", or "semantic" and "localization"."""
        if self.localization is None:
            return {"both": self.semantic}
        return {"semantic": self.semantic, "localization": self.localization}

    def with_minutes(self, minutes: float | None) -> Recipe:
        """Return the recipe with another number of minutes, which takes the place of a fixed number of steps.

        minutes: above 0; None returns the recipe as it is
        raises: BadInput for minutes that are not above 0

        Built in chapter 6.
        """
        if minutes is None:
            return self
        if not minutes > 0:
            raise BadInput(f"minutes: {minutes}, expected more than 0")
        return dataclasses.replace(self, minutes=minutes, steps=None)

    def with_steps(self, steps: int | None) -> Recipe:
        """Return the recipe with a fixed number of steps, by which a machine of another speed repeats a training.

        steps: of both networks together, 1 or more; None returns the recipe as it is
        raises: BadInput for a number below 1

        Our choice. Built in chapter 6.
        """
        if steps is None:
            return self
        if steps < 1:
            raise BadInput(f"steps: {steps}, expected at least 1")
        return dataclasses.replace(self, steps=steps)

    def with_at_most(self, pictures: int | None) -> Recipe:
        """Return the recipe with mini-batches computed in parts of at most so many pictures, for small memories.

        pictures: 1 or more; None returns the recipe as it is
        returns: a recipe whose mini-batches are as large as before; what a step learns from stays the same but for
            batch statistics and the choice of the hard pixels, see `LossRecipe.of_a_part`
        raises: BadInput for a number below 1

        Our choice. Built in chapter 6.
        """
        if pictures is None:
            return self
        if pictures < 1:
            raise BadInput(f"batch: {pictures}, expected at least 1 picture at a time")

        def in_parts(learner: Learner) -> Learner:
            batch = learner.optimiser.batch
            parts = next(n for n in range(1, batch + 1) if batch % n == 0 and batch // n <= pictures)
            return dataclasses.replace(learner, optimiser=dataclasses.replace(learner.optimiser, parts=parts))

        other = None if self.localization is None else in_parts(self.localization)
        return dataclasses.replace(self, semantic=in_parts(self.semantic), localization=other)

    def to_json(self) -> str:
        """Return the recipe as JSON text, which `from_json` reads back.

        Built in chapter 10.
        """
        values = dataclasses.asdict(self)
        values["grouping"] = {"method": type(self.grouping).__name__, **values["grouping"]}
        return json.dumps(values, indent=1)

    @staticmethod
    def from_json(text: str, where: str = "recipe") -> Recipe:
        """Return the recipe that `to_json` wrote, in this version or in the one before, which knew no parts.

        text: JSON
        where: the file, for messages
        raises: BadInput naming `where` when it is no recipe

        Built in chapter 10.
        """
        try:
            values: dict[str, Any] = json.loads(text)
            if "semantic" not in values:
                values = _in_parts(values)
            grouping = dict(values.pop("grouping"))
            method = {"Voting": Voting, "Suppression": Suppression}[grouping.pop("method")]
            other = values.pop("localization")
            losses = values.pop("losses")
            return Recipe(
                semantic=_learner(values.pop("semantic")),
                localization=None if other is None else _learner(other),
                losses=LossRecipe(
                    CategoryLossRecipe(**losses["categories"]), BoxLossRecipe(**losses["boxes"])
                ),
                pictures=PictureRecipe(**_tuples(values.pop("pictures"))),
                grouping=method(**grouping),
                **values,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{where}: not a recipe of this version ({error})") from error


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON knows lists only; every sequence of a recipe is a tuple."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _learner(values: dict[str, Any]) -> Learner:
    return Learner(
        NetworkRecipe(**_tuples(values["network"])),
        CropRecipe(**_tuples(values["crops"])),
        OptimiserRecipe(**values["optimiser"]),
    )


# Where the version before, whose recipes were flat, had another name.
_FLAT = {
    CropRecipe: {"side": "crop"},
    OptimiserRecipe: {"kind": "optimiser"},
    BoxLossRecipe: {"weight": "box_weight", "threshold": "box_threshold", "floor": "box_floor"},
    PictureRecipe: {"scenes": "pictures"},
}


def _in_parts(flat: dict[str, Any]) -> dict[str, Any]:
    """The values of a flat recipe in the form that `to_json` writes today."""

    def part(kind: type, values: dict[str, Any]) -> dict[str, Any]:
        names = {one.name: _FLAT.get(kind, {}).get(one.name, one.name) for one in dataclasses.fields(kind)}
        known = {name: values[old] for name, old in names.items() if old in values}
        used.update(names.values())
        return known

    def learner(values: dict[str, Any]) -> dict[str, Any]:
        kinds = {"network": NetworkRecipe, "crops": CropRecipe, "optimiser": OptimiserRecipe}
        return {name: part(kind, values) for name, kind in kinds.items()}

    single = ("name", "grouping", "steps", "minutes", "box_share")
    used = {"shared", "localization", *single}
    own: dict[str, Any] = dict(flat.get("localization", ()))
    parts: dict[str, Any] = {
        "semantic": learner(flat),
        "localization": None if flat["shared"] else learner({**flat, **own}),
        "losses": {"categories": part(CategoryLossRecipe, flat), "boxes": part(BoxLossRecipe, flat)},
        "pictures": part(PictureRecipe, flat),
        **{name: flat[name] for name in single if name in flat},
    }
    if strange := (set(flat) | set(own)) - used:
        raise TypeError(f"unexpected {', '.join(sorted(strange))}")
    return parts
