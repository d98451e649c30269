"""A first look at a data set before anything is trained on it: what is in every picture, in one pass.

Built in chapter 12.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from bridgeseg.data.transforms import resize
from bridgeseg.grouping.components import connected_components
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.machine.workers import cores, in_workers
from bridgeseg.measures.mask_iou import true_instances
from bridgeseg.structures.cells import resized_places
from bridgeseg.structures.labels import VOID, BadInput, Labelled, Sample
from bridgeseg.system.prediction import size_shown, working_size
from bridgeseg.system.recipe import Recipe

LOW, HIGH = 0.005, 0.995  # shares of a picture's values; those beyond are taken for dust and glare
SHOWN = 12  # pictures kept for the sheet
SIDE = 640  # pixels; a picture that is kept is no longer
BY_WORKERS = 24  # pictures from which worker processes read them


@dataclass(frozen=True)
class Cells:
    """How the objects of a picture fare on the cells of a recipe.

    small: how many have fewer pixels than a cell
    lost: how many lie between the cells, so that no cell stands for them: they are never learned

    Built in chapter 12.
    """

    small: int
    lost: int


@dataclass(frozen=True)
class PictureLook:
    """What is in one picture.

    name: the picture's
    size: height and width, pixels
    digest: the same for two pictures whose pixels are equal, whatever their files are called
    pixels: (256,) int64, of each category, void at 255
    areas: (n,) int64, pixels of each instance
    kinds: (n,) int64, 1…C, the category of each
    touching: (n,) bool, whether it shares a side of a pixel with another instance of its category
    parts: how many separate pieces the objects are, where there is one instance only; else 0
    span: the grey values between which all but one in a hundred lie
    grey: whether the picture has no colour
    cells: by the name of a recipe
    shown: the sample at no more than `SIDE` pixels, where it is to be drawn

    Built in chapter 12.
    """

    name: str
    size: tuple[int, int]
    digest: str
    pixels: np.ndarray
    areas: np.ndarray
    kinds: np.ndarray
    touching: np.ndarray
    parts: int
    span: tuple[int, int]
    grey: bool
    cells: dict[str, Cells] = field(default_factory=dict)
    shown: Sample | None = None


@dataclass(frozen=True)
class FirstLook:
    """What is in a data set.

    kind: "scenes", "voc", "sbd" or "nuclei"
    categories: the names, "background" first
    pictures: of those that could be read
    unread: a line for each of the others
    elsewhere: digests of the other part's pictures, each with the name; empty where there is no other part

    Built in chapter 12.
    """

    kind: str
    categories: tuple[str, ...]
    pictures: tuple[PictureLook, ...]
    unread: tuple[str, ...]
    elsewhere: dict[str, str]

    @property
    def areas(self) -> np.ndarray:
        """The pixels of every instance, (n,) int64."""
        return _joined([look.areas for look in self.pictures])

    @property
    def kinds(self) -> np.ndarray:
        """The category of every instance, (n,) int64."""
        return _joined([look.kinds for look in self.pictures])

    @property
    def shares(self) -> np.ndarray:
        """The share of its picture that every instance covers, (n,) float64."""
        return _joined([look.areas / (look.size[0] * look.size[1]) for look in self.pictures], np.float64)

    @property
    def per_picture(self) -> np.ndarray:
        """The number of instances of every picture, (pictures,) int64."""
        return np.array([len(look.areas) for look in self.pictures], np.int64)


def look_at(
    dataset: Labelled,
    recipes: Sequence[Recipe],
    other: Labelled | None = None,
    progress: Progress = silent,
) -> FirstLook:
    """Look at every picture of a data set, once.

    dataset: the part to look at
    recipes: on whose cells the objects are counted
    other: another part of the same data, of which no picture may be in this one too; None where there is none
    progress: called with the share done and a line
    returns: what is there; a picture that cannot be read is a line, and the others are looked at all the same

    Our choice. Built in chapter 12.
    """
    count, beside = len(dataset), 0 if other is None else len(other)
    kept = shown_of(count)

    def look(number: int) -> PictureLook | str:
        """Of this part first, then of the other."""
        try:
            if number < count:
                return look_at_one(dataset[number], recipes, keep=number in kept)
            assert other is not None
            return look_at_one(other[number - count], (), keep=False)
        except (BadInput, OSError) as error:
            return " ".join(str(error).split())

    pictures, unread, elsewhere = [], [], {}
    workers = cores() if count + beside >= BY_WORKERS else 0
    for number, found in enumerate(in_workers(look, range(count + beside), workers)):
        if number >= count:
            if isinstance(found, PictureLook):
                elsewhere[found.digest] = found.name
        elif isinstance(found, str):
            unread.append(found)
        else:
            pictures.append(found)
        progress((number + 1) / (count + beside), f"{number + 1} of {count + beside} pictures")
    return FirstLook(dataset.kind, tuple(dataset.categories), tuple(pictures), tuple(unread), elsewhere)


def shown_of(count: int) -> set[int]:
    """Return which of so many pictures are kept for the sheet, from the first to the last.

    count: 0 or more

    Example:
        >>> sorted(shown_of(3)), len(shown_of(100)), max(shown_of(100))
        ([0, 1, 2], 12, 99)

    Built in chapter 12.
    """
    return set(np.linspace(0, count - 1, min(count, SHOWN)).round().astype(int).tolist())


def look_at_one(sample: Sample, recipes: Sequence[Recipe], keep: bool) -> PictureLook:
    """Return what is in one picture.

    sample: the picture with its maps
    recipes: on whose cells its objects are counted
    keep: whether it is to be drawn

    Example:
        >>> kinds, numbers = np.array([[1, 1, 255, 0]], np.uint8), np.array([[3, 7, 0, 0]], np.int32)
        >>> look = look_at_one(Sample("tiny", np.zeros((1, 4, 3), np.uint8), kinds, numbers), (), keep=False)
        >>> look.areas.tolist(), look.touching.tolist(), int(look.pixels[VOID])
        ([1, 1], [True, True], 1)

    Built in chapter 12.
    """
    picture, instances = sample.picture, sample.instances
    numbers, kinds = true_instances(sample)
    present, counts = np.unique(instances[instances > 0], return_counts=True)
    height, width = instances.shape
    spread = (
        np.bincount(picture.ravel(), minlength=256).cumsum() / picture.size
    )  # (256,), share up to each value
    parts = (
        int(connected_components(torch.from_numpy((instances > 0).astype(np.uint8))).max())
        if len(numbers) == 1
        else 0
    )
    return PictureLook(
        name=sample.name,
        size=(height, width),
        digest=hashlib.sha256(repr(picture.shape).encode() + picture.tobytes()).hexdigest(),
        pixels=np.bincount(sample.categories.ravel(), minlength=VOID + 1),
        areas=counts[np.searchsorted(present, numbers)].astype(np.int64),
        kinds=kinds,
        touching=np.isin(numbers, touching(sample)),
        parts=parts,
        span=(int(np.searchsorted(spread, LOW, "right")), int(np.searchsorted(spread, HIGH))),
        grey=bool((picture[..., 0] == picture[..., 1]).all() and (picture[..., 1] == picture[..., 2]).all()),
        cells={recipe.name: on_cells(instances, counts, recipe) for recipe in recipes},
        shown=_reduced(sample) if keep else None,
    )


def touching(sample: Sample) -> np.ndarray:
    """Return the numbers of the instances that share a side of a pixel with another of their category, (k,) int32.

    sample: the picture with its maps, (h, w)

    Built in chapter 12.
    """
    found = [np.zeros(0, np.int32)]
    for numbers, kinds in ((sample.instances, sample.categories), (sample.instances.T, sample.categories.T)):
        one, next_ = numbers[:-1], numbers[1:]
        meet = (one != next_) & (one > 0) & (next_ > 0) & (kinds[:-1] == kinds[1:])
        found += [one[meet], next_[meet]]
    return np.unique(np.concatenate(found))


def cell_side(recipe: Recipe) -> float:
    """Return how many pixels of a picture of ordinary size a cell of a recipe's answer is wide.

    recipe: whose semantic network answers on cells

    Example:
        >>> from bridgeseg.system.presets import NUCLEI_FAST, VOC
        >>> round(cell_side(NUCLEI_FAST), 2), cell_side(VOC)  # two pixels of a picture enlarged by a half
        (1.33, 8.0)

    Built in chapter 12.
    """
    return _stride(recipe) / recipe.pictures.zoom


def on_cells(instances: np.ndarray, areas: np.ndarray, recipe: Recipe) -> Cells:
    """Return how the objects of a picture fare on the cells of a recipe.

    instances: (h, w) int32
    areas: (n,) integer, pixels of each of its instances
    recipe: how large the network sees the picture, and from how many of those pixels it answers for one

    Example:
        >>> from bridgeseg.system.presets import VOC
        >>> speck = np.zeros((16, 16), np.int32)
        >>> speck[3, 3] = 1
        >>> on_cells(speck, np.array([1]), VOC)  # cells stand for the pixels in rows and columns 0 and 8
        Cells(small=1, lost=1)

    Built in chapter 12.
    """
    height, width = instances.shape
    seen = size_shown(height, width, recipe.pictures)
    stride = _stride(recipe)
    rows, columns = (
        resized_places(old, new)[::stride].numpy() for old, new in zip((height, width), seen, strict=True)
    )
    there = np.unique(instances[rows][:, columns])
    cell = stride**2 * height * width / (seen[0] * seen[1])  # pixels of the picture
    return Cells(int((areas < cell).sum()), len(areas) - int((there > 0).sum()))


def _stride(recipe: Recipe) -> int:
    network = recipe.semantic.network
    return network.stride if network.head == "refine" else network.output_stride


def _reduced(sample: Sample) -> Sample:
    """The sample at a size to be drawn at."""
    height, width = sample.instances.shape
    size = working_size(height, width, 1.0, SIDE)
    return sample if size == (height, width) else resize(sample, *size)


def _joined(parts: Sequence[np.ndarray], kind: type = np.int64) -> np.ndarray:
    return np.concatenate([np.zeros(0, kind), *parts])
