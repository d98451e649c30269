"""Scenes drawn from a seed: pictures of shapes that hide one another, with exact category and instance maps.

They stand in for real pictures where none are at hand, and they pose the question of this project in its pure
form. Six objects in ten of a scene share a category and lie in heaps, so a perfect category map still does
not say where one object ends and the next begins; and neither colour nor texture tells an object's category.

Lengths are in scene units: the shorter side of a picture measures 96 of them, whatever its size in pixels.
The same seed and number thus give the same scene at 96 pixels for training and at 400 for looking at it. All
of it is our choice; the paper has no such data.

Scenes under a *sky* ask another question: how far does a network see? By day every object is a kite, by night a
lantern, whatever its shape; only a strip along the upper edge says which. The rest of the picture says nothing about
it, so that an object in the lowest row is named by something a whole picture away.

Scenes may have *rare* categories, for the question what a loss does for those of which little is seen.

Built in chapters 2, 5 and 7.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from bridgeseg.data.scene_shapes import CATEGORIES, SIDE, Shape, depth, draw_layout, draw_paint
from bridgeseg.structures.labels import VOID, Sample

COUNTS = {"train": 2000, "val": 400, "test": 400}

SKY_CATEGORIES = ("background", "kite", "lantern")
SKY = 12.0  # scene units: the height of the strip that says whether it is day or night
SKIES = {"kite": (0.58, 0.78, 0.96), "lantern": (0.05, 0.07, 0.17)}  # RGB, 0…1: by day, by night

LEAST_SHARE = 0.25  # an object that shows less of itself than this is void
LEAST_AREA = 24.0  # so is one that shows less than this many square units


def _clouds(rng: np.random.Generator, rows: np.ndarray, columns: np.ndarray, cell: float) -> np.ndarray:
    """Return smooth noise in -1…1 at the crossings of rows and columns, with bumps as wide as a cell."""
    knots = rng.uniform(-1.0, 1.0, (int(rows[-1] / cell) + 2, int(columns[-1] / cell) + 2)).astype(np.float32)
    for places, axis in ((rows, 0), (columns, 1)):  # (knots, knots), then (h, knots), then (h, w)
        below = (places / cell).astype(np.int64)
        rest = (places / cell - below).astype(np.float32)
        rest = rest * rest * (3 - 2 * rest)
        rest = rest[:, None] if axis == 0 else rest[None, :]  # (h, 1), then (1, w)
        knots = knots.take(below, axis) * (1 - rest) + knots.take(below + 1, axis) * rest
    return knots


def _background(
    rng: np.random.Generator, rows: np.ndarray, columns: np.ndarray, area: tuple[float, float]
) -> np.ndarray:
    """Return the ground that the objects lie on, (3, h, w): one paint fading into another."""
    first, second = draw_paint(rng), draw_paint(rng)
    # The knots reach over the whole area at every size, so that the same numbers are drawn.
    height, width = area
    tall, wide = np.append(rows, height).astype(np.float32), np.append(columns, width).astype(np.float32)
    blend = np.clip(0.5 + 0.9 * _clouds(rng, tall, wide, 32.0)[:-1, :-1], 0.0, 1.0)
    grain = 0.07 * _clouds(rng, tall, wide, 5.0)[:-1, :-1]
    y, x = rows[:, None], columns[None, :]  # (h, 1) and (1, w)
    tone = 1 + grain + first.shade(y, x) * (1 - blend) + second.shade(y, x) * blend
    from_first, from_second = tone * (1 - blend), tone * blend
    planes = zip(first.colour, second.colour, strict=True)
    return np.stack([one * from_first + other * from_second for one, other in planes])  # (3, h, w)


def _lay(
    shape: Shape,
    number: int,
    canvas: np.ndarray,
    instances: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> int:
    """Draw one object onto the canvas and into the instance map, and return how many pixels it takes up."""
    unit = min(instances.shape) / SIDE
    reach = 1.16 * shape.size + 6.0
    top, bottom = np.searchsorted(rows, (shape.y - reach, shape.y + reach))
    left, right = np.searchsorted(columns, (shape.x - reach, shape.x + reach))
    if top == bottom or left == right:
        return 0
    y, x = rows[top:bottom, None], columns[None, left:right]  # (b, 1) and (1, a) of the window
    inner = depth(shape, y, x)  # (b, a)
    window = canvas[:, top:bottom, left:right]  # (3, b, a)

    # The shadow falls to the lower right: the depth of the point that lies a little to the upper left.
    step = max(1, round(1.6 * unit))
    shadow = 0.5 * np.exp(np.minimum(inner, 0.0) / 2.2)
    window[:, step:, step:] *= 1 - shadow[: max(0, len(shadow) - step), : max(0, shadow.shape[1] - step)]

    dy, dx = y - shape.y, x - shape.x
    light = 1.0 + shape.paint.shade(dy, dx) - 0.13 * (dy + dx) / shape.radius  # from the upper left
    rim = 1.0 - 0.62 * np.exp(-((np.maximum(inner, 0.0) / 1.5) ** 2))
    cover = np.clip(inner * unit + 0.5, 0.0, 1.0)
    window *= 1 - cover
    cover *= light * rim
    for plane, tone in zip(window, shape.paint.colour, strict=True):
        plane += cover * tone
    inside = inner > 0
    np.copyto(instances[top:bottom, left:right], number, where=inside)
    return int(np.count_nonzero(inside))


def _door(split: str, size: int | tuple[int, int], seed: int) -> tuple[int, int]:
    """Refuse arguments that no scene can be drawn from, and return the height and the width."""
    if split not in COUNTS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(COUNTS)}")
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise ValueError(f"size is {size!r}, expected a side or a height and a width of at least 1")
    if seed < 0:
        raise ValueError(f"seed is {seed}, expected 0 or more")
    return height, width


def draw_scene(
    seed: int,
    index: int,
    size: int | tuple[int, int] = 96,
    *,
    split: str = "train",
    sky: bool = False,
    rare: Collection[str] = (),
) -> Sample:
    """Draw one scene: 3 to 8 objects of five categories, heaped and hiding one another.

    "Six in ten of one category" is read as follows: each scene has a category of its own, drawn evenly, and
    each of its objects is of that category with a chance of 0.6, and of one of the others otherwise. An
    object is void if it shows less than a quarter of what the picture would show of it alone, or less than 24
    square units (24 pixels of a picture of 96).

    seed: 0 or more, chooses the world that the scenes come from
    index: 0 or more, chooses the scene in it
    size: the side of a square picture, or its height and width, in pixels; 1 or more
    split: "train", "val" or "test"; no two share a scene
    sky: lay a strip of sky over the upper edge, which is background; all objects are then kites by day and
        lanterns by night. Below the strip the picture is the one without a sky
    rare: categories that are drawn 0.15 times as often as the others. Another scene is then drawn, and not the same
        scene with other shapes
    returns: the sample, with instances numbered 1…n from the back to the front without a gap; the same bits
        for the same arguments, as far as numpy keeps its random streams and the platform its sines
    raises: ValueError for a negative seed or index, a size below 1, an unknown split, a rare category that
        does not exist, or where all are rare

    Example:
        >>> plain, under_sky = draw_scene(0, 3, 48), draw_scene(0, 3, 48, sky=True)
        >>> bool((plain.picture[6:] == under_sky.picture[6:]).all())  # 12 units are 6 pixels here
        True
        >>> [SKY_CATEGORIES[number] for number in np.unique(under_sky.categories)]
        ['background', 'lantern']

    Built in chapters 2, 5 and 7.
    """
    height, width = _door(split, size, seed)
    if index < 0:
        raise ValueError(f"index is {index}, expected 0 or more")
    rng = np.random.default_rng([seed, index, list(COUNTS).index(split)])
    unit = min(height, width) / SIDE  # pixels per scene unit
    area = (height / unit, width / unit)
    rows = ((np.arange(height) + 0.5) / unit).astype(np.float32)
    columns = ((np.arange(width) + 0.5) / unit).astype(np.float32)

    shapes = draw_layout(rng, *area, rare)
    canvas = _background(rng, rows, columns, area)
    drawn = np.zeros((height, width), np.int32)
    areas = [_lay(shape, number, canvas, drawn, rows, columns) for number, shape in enumerate(shapes, 1)]
    named = _lay_sky([seed, index, list(COUNTS).index(split), 1], canvas, drawn, rows) if sky else 0
    canvas += 0.025 * rng.standard_normal(canvas.shape, dtype=np.float32)

    visible = np.bincount(drawn.ravel(), minlength=len(shapes) + 1)  # (shapes + 1,), pixels of each
    categories = np.zeros(len(shapes) + 1, np.uint8)
    numbers = np.zeros(len(shapes) + 1, np.int32)
    for number, shape in enumerate(shapes, 1):
        enough = max(1.0, LEAST_SHARE * areas[number - 1], LEAST_AREA * unit * unit)
        shown = visible[number] >= enough
        categories[number] = (named or shape.category) if shown else VOID
        numbers[number] = numbers.max() + 1 if shown else 0
    planes = (np.clip(canvas, 0.0, 1.0) * 255 + 0.5).astype(np.uint8)  # (3, h, w)
    picture = np.ascontiguousarray(planes.transpose(1, 2, 0))  # (h, w, 3)
    name = _name(split, seed, index, sky, rare)
    return Sample(name, picture, categories[drawn], numbers[drawn])  # (h, w) maps


def _lay_sky(seed: list[int], canvas: np.ndarray, drawn: np.ndarray, rows: np.ndarray) -> int:
    """Draw day or night over the upper edge, and return what all objects of the scene are then called."""
    # A stream of its own: what is drawn below the sky is drawn as without one.
    named = SKY_CATEGORIES[int(np.random.default_rng(seed).integers(1, len(SKY_CATEGORIES)))]
    end = int(np.searchsorted(rows, SKY))
    canvas[:, :end] = np.array(SKIES[named], np.float32)[:, None, None]
    drawn[:end] = 0
    return SKY_CATEGORIES.index(named)


def _name(split: str, seed: int, index: int, sky: bool, rare: Collection[str]) -> str:
    few = "".join(f"-rare-{name}" for name in CATEGORIES if name in rare)
    return f"{split}-{seed}-{index:05d}{'-sky' if sky else ''}{few}"


class Scenes:
    """Scenes as a data set: as many as asked for, drawn when they are asked for.

    split: "train", "val" or "test"; no two share a scene
    size: the side of a square picture, or its height and width, in pixels
    count: how many; None gives 2000 for "train" and 400 for the others
    seed: 0 or more
    sky, rare: as in `draw_scene`
    raises: ValueError for what draw_scene refuses and for a negative count

    Example:
        >>> scenes = Scenes("val", size=48, count=2)
        >>> sample = scenes[1]
        >>> sample.name, sample.picture.shape, sample.instances.shape
        ('val-0-00001', (48, 48, 3), (48, 48))
        >>> bool((sample.picture == Scenes("val", size=48)[1].picture).all())  # the same bits each time
        True
        >>> Scenes("val", size=48, count=1, rare=("square", "ring")).names
        ['val-0-00000-rare-square-rare-ring']

    Built in chapters 2, 5 and 7.
    """

    kind = "scenes"
    root: Path | None = None

    def __init__(
        self,
        split: str = "train",
        size: int | tuple[int, int] = 96,
        count: int | None = None,
        seed: int = 0,
        sky: bool = False,
        rare: Collection[str] = (),
    ) -> None:
        _door(split, size, seed)
        if count is not None and count < 0:
            raise ValueError(f"count is {count}, expected 0 or more")
        self.split, self.size, self.seed, self.sky = split, size, seed, sky
        self.rare = tuple(rare)
        self.count = COUNTS[split] if count is None else count

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories; the first is "background"."""
        return SKY_CATEGORIES if self.sky else CATEGORIES

    @property
    def names(self) -> list[str]:
        """The names of the scenes, in order."""
        return [_name(self.split, self.seed, index, self.sky, self.rare) for index in range(self.count)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        number = range(self.count)[index]
        return draw_scene(self.seed, number, self.size, split=self.split, sky=self.sky, rare=self.rare)
