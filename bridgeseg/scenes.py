"""Scenes drawn from a seed: pictures of shapes that hide one another, with exact category and instance maps.

They stand in for real pictures where none are at hand, and they pose the question of this project in its pure form. Six
objects in ten of a scene share a category and lie in heaps, so a perfect category map still does not say where one
object ends and the next begins; and neither the colour nor the texture of an object tells its category.

Lengths are in scene units: the shorter side of a picture measures 96 of them, whatever its size in pixels. The same seed
and number thus give the same scene at 96 pixels for training and at 400 for looking at it. All of it is our choice; the
paper has no such data.

Built in chapter 2.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bridgeseg.labels import VOID, Sample

CATEGORIES = ("background", "disc", "triangle", "square", "star", "ring")
COUNTS = {"train": 2000, "val": 400, "test": 400}

SIDE = 96.0  # scene units along the shorter side
DOMINANT = 0.6  # the chance that an object is of the scene's own category
HEAPED = 0.6  # the chance that an object is laid against an earlier one
LEAST_SHARE = 0.25  # an object that shows less of itself than this is void
LEAST_AREA = 24.0  # so is one that shows less than this many square units
# Radii that give the five shapes about the same area, so that size does not tell the category either.
_RADII = (1.0, 1.4, 1.2, 1.4, 1.12)
_HOLE = 0.45  # the radius of a ring's hole, as a share of the ring's
_DENT = 0.46  # the radius of a star's inner corners, as a share of its outer ones


@dataclass(frozen=True)
class _Shape:
    """One object before it is drawn: where it lies, in scene units, and what it looks like."""

    category: int
    y: float
    x: float
    radius: float
    angle: float
    stretch: float
    paint: _Paint


@dataclass(frozen=True)
class _Paint:
    """A colour in 0…1 and two plane waves that brighten and darken it."""

    colour: np.ndarray
    waves: tuple[
        tuple[float, float, float], ...
    ]  # two of them: radians per unit along y, along x, and the phase
    strength: float
    crossed: bool  # the waves are multiplied, which gives checks and dots, instead of one alone, which gives stripes

    def shade(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        tones = (np.sin(down * y + (along * x + phase)) for down, along, phase in self.waves)
        tone = next(tones)
        return self.strength * (tone * next(tones) if self.crossed else tone)


def _paint(rng: np.random.Generator) -> _Paint:
    """Draw a paint; objects of every category and the background all take theirs from here."""
    hue, saturation, value = rng.uniform((0.0, 0.15, 0.42), (6.0, 0.75, 0.95))
    ramps = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6.0 - 3.0) - 1.0, 0.0, 1.0)
    colour = (value * (1.0 - saturation * (1.0 - ramps))).astype(np.float32)
    turn, strength = float(rng.uniform(0.0, math.pi)), float(rng.uniform(0.02, 0.16))
    rates, phases = 2 * math.pi / rng.uniform(4.5, 12.0, 2), rng.uniform(0.0, 2 * math.pi, 2)
    waves = tuple(
        (rate * math.sin(turn), rate * math.cos(turn), phase)
        for rate, phase, turn in zip(rates.tolist(), phases.tolist(), (turn, turn + math.pi / 2), strict=True)
    )
    return _Paint(colour, waves, strength, bool(rng.random() < 0.5))


def _layout(rng: np.random.Generator, height: float, width: float) -> list[_Shape]:
    """Draw the 3 to 8 objects of a scene, from the one at the back to the one at the front."""
    dominant = int(rng.integers(1, len(CATEGORIES)))
    others = [category for category in range(1, len(CATEGORIES)) if category != dominant]
    shapes: list[_Shape] = []
    for _ in range(int(rng.integers(3, 9))):
        category = dominant if rng.random() < DOMINANT else int(rng.choice(others))
        radius = float(rng.uniform(10.5, 19.0))
        y, x = _place(rng, shapes, category, radius, height, width)
        angle, stretch = float(rng.uniform(0.0, 2 * math.pi)), float(rng.uniform(0.87, 1.15))
        shapes.append(_Shape(category, y, x, radius, angle, stretch, _paint(rng)))
    return shapes


def _place(
    rng: np.random.Generator, shapes: list[_Shape], category: int, radius: float, height: float, width: float
) -> tuple[float, float]:
    """Choose a centre, mostly against an earlier object of the same category, and not right on top of any."""
    kin = [shape for shape in shapes if shape.category == category] or shapes
    best, widest = (height / 2, width / 2), -1.0
    for _ in range(8):
        y, x = rng.uniform((6.0, 6.0), (height - 6.0, width - 6.0))
        if kin and rng.random() < HEAPED:
            host = kin[int(rng.integers(len(kin)))]
            turn, reach = rng.uniform(0.0, 2 * math.pi), rng.uniform(0.6, 1.05) * (host.radius + radius)
            y = np.clip(host.y + reach * np.sin(turn), 6.0, height - 6.0)
            x = np.clip(host.x + reach * np.cos(turn), 6.0, width - 6.0)
        room = min((np.hypot(y - s.y, x - s.x) / (s.radius + radius) for s in shapes), default=1.0)
        if room > widest:
            best, widest = (float(y), float(x)), room
        if widest >= 0.55:
            break
    return best


def _depth(shape: _Shape, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return how deep points lie inside a shape, in scene units; negative outside.

    Disc and ring are exact for round ones. The others are folded along their mirror lines until one edge is left, and
    the depth is the distance to that edge; a triangle and a square are stars whose inner corners lie on the line.
    """
    size = shape.radius * _RADII[shape.category - 1]
    dy, dx = y - shape.y, x - shape.x
    cos, sin = math.cos(shape.angle), math.sin(shape.angle)
    along, across = (dx * cos + dy * sin) / shape.stretch, (dy * cos - dx * sin) * shape.stretch
    far = np.hypot(along, across)
    name = CATEGORIES[shape.category]
    if name == "disc":
        return size - far
    if name == "ring":
        return np.minimum(size - far, far - _HOLE * size)
    points = {"triangle": 3, "square": 4, "star": 5}[name]
    half = math.pi / points
    inner = size * (_DENT if name == "star" else math.cos(half))
    turn = np.abs((np.arctan2(across, along) + half) % (2 * half) - half)
    corner_x, corner_y = inner * math.cos(half), inner * math.sin(half)
    edge = math.hypot(size - corner_x, corner_y)
    return ((size - far * np.cos(turn)) * corner_y - far * np.sin(turn) * (size - corner_x)) / edge


def _clouds(rng: np.random.Generator, rows: np.ndarray, columns: np.ndarray, cell: float) -> np.ndarray:
    """Return smooth noise of about -1…1 at the crossings of rows and columns, with bumps as wide as a cell."""
    knots = rng.uniform(-1.0, 1.0, (int(rows[-1] / cell) + 2, int(columns[-1] / cell) + 2)).astype(np.float32)
    for places, axis in ((rows, 0), (columns, 1)):
        below = (places / cell).astype(np.int64)
        rest = (places / cell - below).astype(np.float32)
        rest = rest * rest * (3 - 2 * rest)
        rest = rest[:, None] if axis == 0 else rest[None, :]
        knots = knots.take(below, axis) * (1 - rest) + knots.take(below + 1, axis) * rest
    return knots


def _background(
    rng: np.random.Generator, rows: np.ndarray, columns: np.ndarray, area: tuple[float, float]
) -> np.ndarray:
    """Return the ground that the objects lie on, (3, h, w): one paint fading into another, each with its waves."""
    first, second = _paint(rng), _paint(rng)
    # The knots reach over the whole area at every size, so that the same numbers are drawn.
    height, width = area
    tall, wide = np.append(rows, height).astype(np.float32), np.append(columns, width).astype(np.float32)
    blend = np.clip(0.5 + 0.9 * _clouds(rng, tall, wide, 32.0)[:-1, :-1], 0.0, 1.0)
    grain = 0.07 * _clouds(rng, tall, wide, 5.0)[:-1, :-1]
    y, x = rows[:, None], columns[None, :]
    tone = 1 + grain + first.shade(y, x) * (1 - blend) + second.shade(y, x) * blend
    from_first, from_second = tone * (1 - blend), tone * blend
    planes = zip(first.colour, second.colour, strict=True)
    return np.stack([one * from_first + other * from_second for one, other in planes])


def _lay(
    shape: _Shape,
    number: int,
    canvas: np.ndarray,
    instances: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
) -> int:
    """Draw one object onto the canvas and into the instance map, and return how many pixels it takes up."""
    unit = min(instances.shape) / SIDE
    reach = shape.radius * _RADII[shape.category - 1] * 1.16 + 6.0
    top, bottom = np.searchsorted(rows, (shape.y - reach, shape.y + reach))
    left, right = np.searchsorted(columns, (shape.x - reach, shape.x + reach))
    if top == bottom or left == right:
        return 0
    y, x = rows[top:bottom, None], columns[None, left:right]
    depth = _depth(shape, y, x)
    window = canvas[:, top:bottom, left:right]

    # The shadow falls to the lower right: the depth of the point that lies a little to the upper left.
    step = max(1, round(1.6 * unit))
    shadow = 0.5 * np.exp(np.minimum(depth, 0.0) / 2.2)
    window[:, step:, step:] *= 1 - shadow[: max(0, len(shadow) - step), : max(0, shadow.shape[1] - step)]

    light = (
        1.0
        + shape.paint.shade(y - shape.y, x - shape.x)
        - 0.13 * ((y - shape.y) + (x - shape.x)) / shape.radius
    )
    rim = 1.0 - 0.62 * np.exp(-((np.maximum(depth, 0.0) / 1.5) ** 2))
    cover = np.clip(depth * unit + 0.5, 0.0, 1.0)
    window *= 1 - cover
    cover *= light * rim
    for plane, tone in zip(window, shape.paint.colour, strict=True):
        plane += cover * tone
    inside = depth > 0
    np.copyto(instances[top:bottom, left:right], number, where=inside)
    return int(np.count_nonzero(inside))


def draw_scene(seed: int, index: int, size: int | tuple[int, int] = 96, *, split: str = "train") -> Sample:
    """Draw one scene: 3 to 8 objects of five categories, heaped and hiding one another.

    Each scene has a category of its own, drawn evenly; each of its objects is of that category with a chance of 0.6 and
    of one of the others otherwise. An object that shows less than a quarter of what would lie in the picture, or less
    than 24 square units, is void.

    seed: 0 or more, chooses the world that the scenes come from
    index: 0 or more, chooses the scene in it
    size: the side of a square picture, or its height and width, in pixels; 1 or more
    split: "train", "val" or "test"; no two share a scene
    returns: the sample, with instances numbered 1…n from the back to the front without a gap; the same bits for the
        same arguments, as far as numpy keeps its random streams and the platform its sines
    raises: ValueError for a negative seed or index, a size below 1 or an unknown split

    Built in chapter 2.
    """
    height, width = (size, size) if isinstance(size, int) else size
    if height < 1 or width < 1:
        raise ValueError(f"size is {size!r}, expected a side or a height and a width of at least 1")
    if seed < 0 or index < 0:
        raise ValueError(f"seed is {seed}, index {index}, expected 0 or more for both")
    if split not in COUNTS:
        raise ValueError(f"split is {split!r}, expected one of {', '.join(COUNTS)}")
    rng = np.random.default_rng([seed, index, list(COUNTS).index(split)])
    unit = min(height, width) / SIDE  # pixels per scene unit
    area = (height / unit, width / unit)
    rows = ((np.arange(height) + 0.5) / unit).astype(np.float32)
    columns = ((np.arange(width) + 0.5) / unit).astype(np.float32)

    shapes = _layout(rng, *area)
    canvas = _background(rng, rows, columns, area)
    drawn = np.zeros((height, width), np.int32)
    areas = [_lay(shape, number, canvas, drawn, rows, columns) for number, shape in enumerate(shapes, 1)]
    canvas += 0.025 * rng.standard_normal(canvas.shape, dtype=np.float32)

    visible = np.bincount(drawn.ravel(), minlength=len(shapes) + 1)
    categories = np.zeros(len(shapes) + 1, np.uint8)
    numbers = np.zeros(len(shapes) + 1, np.int32)
    for number, shape in enumerate(shapes, 1):
        enough = max(1.0, LEAST_SHARE * areas[number - 1], LEAST_AREA * unit * unit)
        shown = visible[number] >= enough
        categories[number] = shape.category if shown else VOID
        numbers[number] = numbers.max() + 1 if shown else 0
    picture = np.ascontiguousarray(
        (np.clip(canvas, 0.0, 1.0) * 255 + 0.5).astype(np.uint8).transpose(1, 2, 0)
    )
    return Sample(f"{split}-{seed}-{index:05d}", picture, categories[drawn], numbers[drawn])


class Scenes:
    """Scenes as a data set: as many as asked for, drawn when they are asked for.

    split: "train", "val" or "test"; no two share a scene
    size: the side of a square picture, or its height and width, in pixels
    count: how many; None gives 2000 for "train" and 400 for the others
    seed: 0 or more
    raises: ValueError for what draw_scene refuses and for a negative count

    Built in chapter 2.
    """

    def __init__(
        self, split: str = "train", size: int | tuple[int, int] = 96, count: int | None = None, seed: int = 0
    ) -> None:
        if split not in COUNTS:
            raise ValueError(f"split is {split!r}, expected one of {', '.join(COUNTS)}")
        if count is not None and count < 0:
            raise ValueError(f"count is {count}, expected 0 or more")
        self.split, self.size, self.seed = split, size, seed
        self.count = COUNTS[split] if count is None else count

    @property
    def categories(self) -> tuple[str, ...]:
        """The names of the categories; the first is "background"."""
        return CATEGORIES

    @property
    def names(self) -> list[str]:
        """The names of the scenes, in order."""
        return [f"{self.split}-{self.seed}-{index:05d}" for index in range(self.count)]

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Sample:
        return draw_scene(self.seed, range(self.count)[index], self.size, split=self.split)
