"""Recipes: every number of a training, in one place, with where it comes from.

Beside each number stands its origin: the paper's section, "later code" (the first author's release of a few months
later, which is no proof of what the paper did), or "our choice". Chapter 6 trains with them.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from bridgeseg.grouping import Suppression
from bridgeseg.labels import BadInput
from bridgeseg.voting import Voting

# What the localization network, trained apart, may have otherwise than the semantic one.
OWN = (
    "hidden",
    "expand",
    "frozen_statistics",
    "frozen_layers",
    "crop",
    "scales",
    "jitter",
    "rate",
    "head_rate",
    "decay",
)


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, for how long, and how to group the answer.

    The defaults are the laptop's (our choice, all of them); a recipe below says where it differs and why.
    """

    name: str
    # Network
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
    shared: bool = True  # one trunk for both networks; the paper trains two, apart
    localization: tuple[tuple[str, Any], ...] = ()  # what the second network has otherwise, if apart
    frozen_statistics: bool = False  # batch statistics as they were pretrained
    frozen_layers: int = 0  # of mobilenet_v2: so many first layers stay as they were pretrained
    # Pictures
    stretch: bool = False  # contrast of every picture stretched to the full range, for micrographs
    pictures: int | None = None  # scenes drawn for training
    crop: int = 96  # pixels, after scaling
    scales: tuple[float, float] = (1.0, 1.0)  # random factor
    upright: bool = True  # mirror left to right only; otherwise all eight positions
    jitter: float = 0.2  # of brightness, contrast and saturation
    zoom: float = 1.0  # the network sees a picture at so many times its size; small objects need cells
    long_side: int = 2048  # pixels; what the network sees is never longer
    views: tuple[float, ...] = (1.0,)  # sizes at which the semantic network is asked, times what it is shown
    mirrored: bool = False  # and each of them mirrored; paper: multi-view testing, no detail
    held_out: float = 0.05  # of the training pictures, kept back to choose the score threshold
    # Optimisation
    optimiser: str = "adamw"  # or "sgd"
    rate: float = 2e-3
    head_rate: float = 1.0  # factor for what was not pretrained
    decay: float = 0.02
    momentum: float = 0.9
    batch: int = 16
    steps: int | None = None  # a fixed number, or None: as many as fit into the minutes
    minutes: float = 8.0  # both networks together
    box_share: float = 0.5  # of the steps or minutes, for the localization network where it is apart
    warm_up: float = 0.03  # share of the run over which the rate rises
    power: float = 0.9  # polynomial decay
    clip: float = 5.0  # largest norm of the gradient
    # Bootstrapping, semantic
    threshold: float = 2.0  # base t; above 1 keeps every pixel
    floor: int = 512  # paper
    exactly: int | None = None  # the other reading of "512 pixels"
    label_stride: int = 0  # pixels from label to label; 0: the answer's own stride (later code)
    # Localization
    scale: float = 24.0  # pixels; a usual object
    size_power: float = 0.5  # weight (scale² / area) ** power
    beta: float = 0.1  # of smooth L1, in units of the encoding
    box_weight: float = 1.0  # of the localization loss beside the semantic one, where the trunk is shared
    box_threshold: float = 2.0  # IoU below which a pixel is hard; above 1 keeps every pixel
    box_floor: int = 512
    # Grouping
    grouping: Voting | Suppression = Voting()

    def of(self, network: str) -> Recipe:
        """Return the recipe of one network: that of "localization" has its own numbers, the others are as this one.

        raises: BadInput when `localization` names what both networks must share, or nothing that there is
        """
        if network != "localization" or not self.localization:
            return self
        if unknown := [name for name, _ in self.localization if name not in OWN]:
            raise BadInput(f"localization: {', '.join(unknown)}, expected only {', '.join(OWN)}")
        return dataclasses.replace(self, **dict(self.localization))

    def to_json(self) -> str:
        """Return the recipe as JSON text, which `from_json` reads back."""
        values = dataclasses.asdict(self)
        values["grouping"] = {"method": type(self.grouping).__name__, **values["grouping"]}
        return json.dumps(values, indent=1)

    @staticmethod
    def from_json(text: str, where: str = "recipe") -> Recipe:
        """Return the recipe that `to_json` wrote.

        raises: BadInput naming `where` when it is no recipe of this version
        """
        try:
            values: dict[str, Any] = json.loads(text)
            grouping = dict(values.pop("grouping"))
            method = {"Voting": Voting, "Suppression": Suppression}[grouping.pop("method")]
            # A recipe written before there were any has none.
            values["localization"] = tuple(
                (part, tuple(value) if isinstance(value, list) else value)
                for part, value in values.get("localization", ())
            )
            values.setdefault("views", (1.0,))
            for name in ("dropout", "scales", "views"):
                values[name] = tuple(values[name])
            return Recipe(**values, grouping=method(**grouping))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BadInput(f"{where}: not a recipe of this version ({error})") from error


SCENES_FAST = Recipe(
    name="scenes-fast", output_stride=16, stride=4, label_stride=1, rate=3e-3, jitter=0.1, pictures=2500
)

SCENES_TINY = dataclasses.replace(
    SCENES_FAST, name="scenes-tiny", pictures=400, width=16, hidden=32, steps=300, minutes=1.0
)

SCENES_FULL = dataclasses.replace(
    SCENES_FAST,
    name="scenes-full",
    pictures=20_000,
    trunk="resnet34",
    width=64,
    hidden=128,
    batch=64,
    minutes=10.0,
)

NUCLEI_FAST = Recipe(
    name="nuclei-fast",
    output_stride=16,
    stride=2,
    hidden=32,
    batch=8,
    crop=128,
    rate=3e-3,
    stretch=True,
    zoom=1.5,  # a third of the nuclei are smaller than 12 pixels
    scales=(1.1, 2.2),
    upright=False,
)

NUCLEI_FULL = dataclasses.replace(
    NUCLEI_FAST,
    name="nuclei-full",
    trunk="resnet34",
    width=64,
    hidden=128,
    crop=256,
    batch=32,
    rate=2e-3,
    minutes=10.0,
)

# One trunk, learning fast: in a few minutes it knows one kind of large object, and not many kinds of small ones.
STREETS_LIGHT = Recipe(
    name="streets-light",
    trunk="mobilenet_v2",
    pretrained=True,
    output_stride=16,
    stride=4,
    crop=224,
    scales=(0.6, 1.4),
    jitter=0.3,
    long_side=640,
    rate=1e-3,
    head_rate=3.0,
    decay=0.05,
    minutes=5.5,
    batch=8,
    scale=64.0,
    held_out=0.08,
)

# Few pictures of many kinds: a semantic network that keeps what ImageNet taught it, and boxes apart, for which the
# trunk has to learn anew.
PHOTOS_LIGHT = dataclasses.replace(
    STREETS_LIGHT,
    name="photos-light",
    shared=False,  # paper
    expand=True,
    hidden=64,
    frozen_statistics=True,
    frozen_layers=7,  # to stride 8: edges and textures are the same everywhere, and their gradients cost most
    scales=(0.7, 2.0),  # half of the objects fill less than a hundredth of a picture
    views=(0.6, 1.0, 1.66),
    mirrored=True,
    rate=3e-5,  # AdamW moves every weight by about so much a step: with 1e-3 nothing of ImageNet is left
    head_rate=66.0,
    decay=0.1,
    minutes=15.0,
    box_share=0.35,
    held_out=0.05,
    localization=(
        ("expand", False),
        ("hidden", 48),
        ("frozen_statistics", False),
        ("frozen_layers", 0),
        ("scales", (0.6, 1.4)),
        ("rate", 1e-3),  # with 2e-4 boxes of pedestrians were much worse
        ("head_rate", 3.0),
        ("decay", 0.05),
    ),
)

VOC = Recipe(
    name="voc",
    trunk="resnet101",  # paper: 101 layers, best on VOC
    width=64,  # paper
    pretrained=True,  # paper: ImageNet
    output_stride=8,  # paper
    head="large",  # paper
    kernel=5,  # paper: field of view 392; 5 and 12 inferred
    dilation=12,  # paper, inferred with the kernel
    dropout=(0.0, 0.0),  # our choice: the paper has some and gives no detail, nor a figure with it
    shared=False,  # paper: trained apart
    frozen_statistics=True,  # our choice: small batches
    crop=500,  # our choice: a whole VOC picture fits
    scales=(0.7, 1.3),  # our choice
    jitter=0.0,  # our choice
    long_side=1024,  # our choice: no picture of VOC is larger than 500
    optimiser="sgd",  # our choice
    rate=0.01,  # our choice
    head_rate=10.0,  # our choice: what starts from nothing learns faster
    decay=5e-4,  # our choice
    batch=16,  # our choice
    steps=40_000,  # our choice, both networks together
    minutes=0.0,  # the steps say when it ends
    threshold=0.6,  # later code
    floor=512,  # paper
    scale=128.0,  # our choice
    box_threshold=0.7,  # our choice: hard pixels by IoU is the paper's, the threshold is not known
    held_out=0.02,  # our choice
    grouping=Suppression(top=2),  # paper: top-n masks, n not known
)

RECIPES = {
    recipe.name: recipe
    for recipe in (
        SCENES_TINY,
        SCENES_FAST,
        SCENES_FULL,
        NUCLEI_FAST,
        NUCLEI_FULL,
        STREETS_LIGHT,
        PHOTOS_LIGHT,
        VOC,
    )
}


def recipe_named(name: str) -> Recipe:
    """Return the recipe of that name.

    raises: BadInput listing the names when there is none
    """
    if name not in RECIPES:
        raise BadInput(f"recipe {name!r}, expected one of {', '.join(RECIPES)}")
    return RECIPES[name]


def default_recipe(spec: str, full: bool) -> Recipe:
    """Return the recipe for a data SPEC where none was named: the fast one, or the full one where there is a GPU."""
    tier = "full" if full else "fast"
    if spec == "scenes":
        return RECIPES[f"scenes-{tier}"]
    return RECIPES[f"nuclei-{tier}"] if spec.startswith("nuclei:") else PHOTOS_LIGHT
