"""What a label is: the conventions that every other module keeps, stated here and nowhere else.

- A picture is a (height, width, 3) uint8 array, RGB, upright.
- A category map is a (height, width) uint8 array: 0 background, 1…C a category, 255 void.
- An instance map is a (height, width) int32 array: 0 none, 1…n an instance. It never holds void; a pixel that is
  void in the category map has instance 0.
- A box is (x0, y0, x1, y1) in pixels of the picture, half open: a mask of one pixel at column 3, row 5 has the box
  (3, 5, 4, 6), one wide and one high. The centre of that pixel lies at (3.5, 5.5).

Built in chapter 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

BACKGROUND = 0
VOID = 255


class BadInput(ValueError):
    """A file, folder or argument that cannot be used: one line names it, what was found and what was expected.

    Example:
        >>> raise BadInput("cat.png: a colour PNG, expected a palette or grey one")
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: cat.png: a colour PNG, expected a palette or grey one

    Built in chapter 2.
    """


@dataclass(frozen=True)
class Sample:
    """A picture with its two label maps.

    name: what the picture is called, without folder and ending
    picture: (h, w, 3) uint8, RGB
    categories: (h, w) uint8, 0 background, 1…C, 255 void
    instances: (h, w) int32, 0 none, 1…n

    Example:
        >>> categories = np.array([[0, 1, 255], [0, 1, 1]], np.uint8)
        >>> instances = np.array([[0, 1, 0], [0, 1, 1]], np.int32)
        >>> sample = Sample("tiny", np.zeros((2, 3, 3), np.uint8), categories, instances)
        >>> int((sample.instances == 1).sum()), int((sample.categories == VOID).sum())
        (3, 1)

    Built in chapter 2.
    """

    name: str
    picture: np.ndarray
    categories: np.ndarray
    instances: np.ndarray


class Labelled(Protocol):
    """What every data set looks like from outside: what it is, names, category names, and samples by number.

    kind: a word for what it is: "scenes", "voc", "sbd", "nuclei", or what a conversion reads, "coco" for one
    root: the folder that it is read from; None where it is drawn

    Built in chapter 2.
    """

    @property
    def kind(self) -> str:
        """What it is, a word: "scenes", "voc", "sbd", "nuclei", or what a conversion reads."""
        ...

    @property
    def root(self) -> Path | None:
        """The folder that it is read from; None where it is drawn."""
        ...

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories; the first is "background"."""
        ...

    @property
    def names(self) -> list[str]:
        """The names of the pictures, in order."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


def verify(sample: Sample, where: str, count: int | None = None) -> Sample:
    """Return the sample if it keeps the conventions of this module, and say what is wrong with it otherwise.

    sample: the picture with its maps
    where: the file or the data set that the sample comes from, for the message
    count: the number of categories without background; None leaves the upper end unchecked
    returns: the same sample
    raises: BadInput when the maps' sizes differ, when a type is wrong, when a category number is too high, or when
        an instance has pixels of the background or of void

    Example:
        >>> picture, categories = np.zeros((1, 2, 3), np.uint8), np.array([[0, 1]], np.uint8)
        >>> verify(Sample("tiny", picture, categories, np.array([[7, 7]], np.int32)), "tiny.png")
        Traceback (most recent call last):
            ...
        bridgeseg.structures.labels.BadInput: tiny.png: instance 7 has pixels without a category

    Built in chapter 2.
    """
    verify_types(sample, where)
    if sample.instances.size and sample.instances.min() < 0:
        raise BadInput(f"{where}: instance map holds {sample.instances.min()}, expected 0 or more")
    if count is not None:
        kept = sample.categories[sample.categories != VOID]
        if kept.size and kept.max() > count:
            raise BadInput(f"{where}: category {kept.max()} in the category map, expected at most {count}")
    # (k,), the instances' numbers of pixels that should have none
    bare = sample.instances[(sample.categories == BACKGROUND) | (sample.categories == VOID)]
    if bare.any():
        raise BadInput(f"{where}: instance {bare[bare > 0][0]} has pixels without a category")
    return sample


def verify_types(sample: Sample, where: str) -> None:
    """Refuse a sample whose picture or maps are not of the type and the size that this module says.

    sample: the picture with its maps
    where: what to name in the message
    raises: BadInput when a map has another size than the picture, or a part another type

    The part of `verify` that looks at no pixel, for functions that take a sample and are called for every picture.
    Built in chapter 2.
    """
    for title, part in (
        ("picture", sample.picture),
        ("category map", sample.categories),
        ("instance map", sample.instances),
    ):
        if not isinstance(part, np.ndarray):
            raise BadInput(f"{where}: {title} is a {type(part).__name__}, expected an array of numpy")
    size = sample.picture.shape[:2]
    if sample.picture.dtype != np.uint8 or sample.picture.ndim != 3 or sample.picture.shape[2] != 3:
        raise BadInput(
            f"{where}: picture is {sample.picture.dtype} {sample.picture.shape}, expected uint8 (h, w, 3)"
        )
    for title, labels, kind in (
        ("category map", sample.categories, np.uint8),
        ("instance map", sample.instances, np.int32),
    ):
        if labels.shape != size:
            raise BadInput(f"{where}: {title} is {labels.shape}, the picture {size}; expected the same size")
        if labels.dtype != kind:
            raise BadInput(f"{where}: {title} is {labels.dtype}, expected {np.dtype(kind)}")


def as_array(values: Any) -> np.ndarray:
    """Return a tensor of any device, or whatever numpy takes, as an array.

    values: of any shape and type
    returns: an array of the same shape and of the same type, its bytes in this machine's order; bfloat16, which numpy
        does not have, becomes float32

    Built in chapter 2.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        return (values.float() if str(values.dtype) == "torch.bfloat16" else values).numpy()
    array = np.asarray(values)
    return array.astype(array.dtype.newbyteorder("="), copy=False)
