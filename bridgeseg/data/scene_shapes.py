"""The shapes of the drawn scenes: where they lie, what they look like, and how deep a point lies inside one.

Lengths are in scene units: the shorter side of a picture measures 96 of them, whatever its size in pixels.

Built in chapters 2 and 7.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

CATEGORIES = ("background", "disc", "triangle", "square", "star", "ring")

SIDE = 96.0  # scene units along the shorter side
DOMINANT = 0.6  # the chance that an object is of the scene's own category
HEAPED = 0.6  # the chance that an object is laid against an earlier one
RARE = 0.15  # how often a rare category is drawn, as a share of how often one that is not
_MARGIN = 6.0  # centres keep this far from the border
# Radii that give the five shapes about the same area, so that size does not tell the category.
_RADII = (1.0, 1.4, 1.2, 1.4, 1.12)
_HOLE = 0.45  # the radius of a ring's hole, as a share of the ring's
_DENT = 0.46  # the radius of a star's inner corners, as a share of its outer ones


@dataclass(frozen=True)
class Paint:
    """A colour, and two plane waves that brighten and darken it.

    colour: (3,) float32, 0…1, RGB
    waves: for each of the two: radians per scene unit along y, along x, and the phase
    strength: how far the waves brighten and darken, as a share of the colour
    crossed: whether the waves are multiplied, for checks, or the first stands alone, for stripes

    Built in chapter 2.
    """

    colour: np.ndarray
    waves: tuple[tuple[float, float, float], ...]
    strength: float
    crossed: bool

    def shade(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return how much brighter the paint is at some points, as a share of its colour.

        y, x: float, scene units; two arrays of any shapes that broadcast
        returns: float, as they broadcast, −strength…strength
        """
        tones = (np.sin(down * y + (along * x + phase)) for down, along, phase in self.waves)
        tone = next(tones)
        return self.strength * (tone * next(tones) if self.crossed else tone)


@dataclass(frozen=True)
class Shape:
    """One object before it is drawn: where it lies, in scene units, and what it looks like.

    category: 1…5
    y, x: the centre that it turns about
    radius: that of a disc of about the same area
    angle: radians, from the x axis towards the y axis
    stretch: its length along that direction and, inversely, its width across it
    paint: its colour and texture

    Built in chapter 2.
    """

    category: int
    y: float
    x: float
    radius: float
    angle: float
    stretch: float
    paint: Paint

    @property
    def size(self) -> float:
        """How far its outermost points lie from its centre, in scene units, before it is stretched."""
        return self.radius * _RADII[self.category - 1]


def draw_paint(rng: np.random.Generator) -> Paint:
    """Draw a paint; objects of every category and the background all take theirs from here.

    rng: is moved on
    returns: the paint

    Built in chapter 2.
    """
    hue, saturation, value = rng.uniform((0.0, 0.15, 0.42), (6.0, 0.75, 0.95))
    ramps = np.clip(np.abs((hue + np.array([0.0, 4.0, 2.0])) % 6.0 - 3.0) - 1.0, 0.0, 1.0)
    colour = (value * (1.0 - saturation * (1.0 - ramps))).astype(np.float32)
    turn, strength = float(rng.uniform(0.0, math.pi)), float(rng.uniform(0.02, 0.16))
    rates, phases = 2 * math.pi / rng.uniform(4.5, 12.0, 2), rng.uniform(0.0, 2 * math.pi, 2)
    waves = tuple(
        (rate * math.sin(turn), rate * math.cos(turn), phase)
        for rate, phase, turn in zip(rates.tolist(), phases.tolist(), (turn, turn + math.pi / 2), strict=True)
    )
    return Paint(colour, waves, strength, bool(rng.random() < 0.5))


def draw_layout(
    rng: np.random.Generator, height: float, width: float, rare: Collection[str] = ()
) -> list[Shape]:
    """Draw the 3 to 8 objects of a scene, from the one at the back to the one at the front.

    rng: is moved on
    height, width: of the picture, in scene units
    rare: categories that are drawn 0.15 times as often as the others, as a scene's own and beside it
    returns: the shapes; the first number that is drawn from rng is the scene's own category
    raises: ValueError for a rare category that does not exist, or where all are rare

    Example:
        >>> shapes = draw_layout(np.random.default_rng(0), 96.0, 96.0)
        >>> 3 <= len(shapes) <= 8, all(6 <= shape.y <= 90 and 6 <= shape.x <= 90 for shape in shapes)
        (True, True)
        >>> rng = np.random.default_rng(0)
        >>> drawn = [CATEGORIES[s.category] for _ in range(99) for s in draw_layout(rng, 96.0, 96.0, ["ring"])]
        >>> drawn.count("ring") < 0.3 * drawn.count("disc")
        True

    Built in chapters 2 and 7.
    """
    chances = _chances(rare)
    if chances is None:
        dominant = int(rng.integers(1, len(CATEGORIES)))
    else:
        dominant = 1 + int(rng.choice(len(chances), p=chances))
    others = [category for category in range(1, len(CATEGORIES)) if category != dominant]
    shapes: list[Shape] = []
    for _ in range(int(rng.integers(3, 9))):
        if rng.random() < DOMINANT:
            category = dominant
        elif chances is None:
            category = int(rng.choice(others))
        else:
            left = np.delete(chances, dominant - 1)
            category = int(rng.choice(others, p=left / left.sum()))
        radius = float(rng.uniform(10.5, 19.0))
        y, x = _place(rng, shapes, category, radius, height, width)
        angle, stretch = float(rng.uniform(0.0, 2 * math.pi)), float(rng.uniform(0.87, 1.15))
        shapes.append(Shape(category, y, x, radius, angle, stretch, draw_paint(rng)))
    return shapes


def _chances(rare: Collection[str]) -> np.ndarray | None:
    """How probable each category is, (5,); None where all are alike, so that no other number is drawn for it."""
    if unknown := set(rare) - set(CATEGORIES[1:]):
        raise ValueError(f"rare is {sorted(unknown)[0]!r}, expected one of {', '.join(CATEGORIES[1:])}")
    if len(set(rare)) == len(CATEGORIES) - 1:
        raise ValueError("rare names all categories, expected one at least that is not rare")
    weights = np.array([RARE if name in rare else 1.0 for name in CATEGORIES[1:]])
    return weights / weights.sum() if rare else None


def _place(
    rng: np.random.Generator, shapes: list[Shape], category: int, radius: float, height: float, width: float
) -> tuple[float, float]:
    """Choose a centre, mostly against an earlier object of the same category, and not right on top of any."""
    kin = [shape for shape in shapes if shape.category == category] or shapes
    best, widest = (height / 2, width / 2), -1.0
    for _ in range(8):
        y, x = rng.uniform(_MARGIN, (height - _MARGIN, width - _MARGIN))
        if kin and rng.random() < HEAPED:
            host = kin[int(rng.integers(len(kin)))]
            turn, reach = rng.uniform(0.0, 2 * math.pi), rng.uniform(0.6, 1.05) * (host.radius + radius)
            y = np.clip(host.y + reach * np.sin(turn), _MARGIN, height - _MARGIN)
            x = np.clip(host.x + reach * np.cos(turn), _MARGIN, width - _MARGIN)
        room = min((np.hypot(y - s.y, x - s.x) / (s.radius + radius) for s in shapes), default=1.0)
        if room > widest:
            best, widest = (float(y), float(x)), room
        if widest >= 0.55:
            break
    return best


def depth(shape: Shape, y: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return how deep points lie inside a shape, in scene units; negative outside.

    shape: the shape
    y, x: float, points in scene units; two arrays of any shapes that broadcast
    returns: float, as they broadcast; exact where the shape is not stretched, inside, and away from its
        corners

    Example:
        >>> paint = draw_paint(np.random.default_rng(0))
        >>> disc = Shape(1, y=50.0, x=50.0, radius=10.0, angle=0.0, stretch=1.0, paint=paint)
        >>> depth(disc, np.array([50.0]), np.array([50.0, 57.0, 60.0, 63.0])).tolist()
        [10.0, 3.0, 0.0, -3.0]

    A triangle, a square and a star are folded along their mirror lines until one edge is left, and the depth
    is that under this edge. A triangle and a square are stars whose inner corners lie on their edges.

    Built in chapter 2.
    """
    size = shape.size
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
