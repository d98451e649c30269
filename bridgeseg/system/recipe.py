"""A recipe: every number of a training, and how it is written to a file and read back.

What each number means stands beside it; which recipes there are, and where their numbers come from, `recipes` says.
Chapter 6 trains with them.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from bridgeseg.grouping.suppression import Suppression
from bridgeseg.grouping.voting import Voting
from bridgeseg.structures.labels import BadInput

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
    "bfloat16",
)


@dataclass(frozen=True)
class Recipe:
    """What to train, on what, for how long, and how to group the answer.

    The defaults are the laptop's (our choice, all of them); where one of `recipes` differs, it says so there.
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
    bfloat16: bool = False  # train in it on a processor that computes in it; on such a GPU always
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
