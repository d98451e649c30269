"""labelme's shapes with an area, as pixels.

Built in chapter 12.
"""

from __future__ import annotations

import base64
import io
import math
from typing import Any

import numpy as np
from PIL import Image

from bridgeseg.data.json_files import clean_name
from bridgeseg.data.label_png import check_sums
from bridgeseg.data.pictures import MOST_PIXELS
from bridgeseg.data.polygons import Patch, fill_disc, fill_polygon, paste, reaches_beyond, read_points
from bridgeseg.structures.labels import BadInput

LINES = ("line", "linestrip", "point", "points")  # shapes without an area
# Points of those with one; a rotation is X-AnyLabeling's rectangle that was turned.
POINTS = {"rectangle": (2, 4), "circle": (2,), "oriented_rectangle": (4,), "rotation": (4,)}


def label_of(shape: Any) -> str:
    """Return the label of a shape as one line; empty where there is none.

    shape: what JSON made of it

    Built in chapter 12.
    """
    return clean_name(shape.get("label")) if isinstance(shape, dict) else ""


def kind_of(shape: Any) -> str:
    """Return the type of a shape; files of 2018 and before have none and know polygons only.

    shape: what JSON made of it

    Example:
        >>> kind_of({"shape_type": "circle"}), kind_of({"label": "cell"})
        ('circle', 'polygon')

    Built in chapter 12.
    """
    return str(shape.get("shape_type") or "polygon") if isinstance(shape, dict) else "no shape"


def fill_shape(shape: dict[str, Any], size: tuple[int, int]) -> tuple[Patch, bool]:
    """Return the pixels of a shape with an area.

    shape: a polygon, rectangle, circle or mask
    size: height and width of its picture
    returns: the pixels, and whether its outline reaches beyond the picture
    raises: BadInput when it is of another type or its points make no such shape

    Example:
        >>> fill_shape({"shape_type": "rectangle", "points": [[3, 1], [1, 0]]}, (4, 4))[0].mask.tolist()
        [[True, True]]

    Built in chapter 12.
    """
    kind, points = kind_of(shape), read_points(shape.get("points"))
    if kind == "mask":
        return _mask(points, shape.get("mask"), size)
    if kind not in ("polygon", *POINTS):
        raise BadInput(f"a shape of type {kind!r}")
    if len(points) not in POINTS.get(kind, (len(points),)) or len(points) < (3 if kind == "polygon" else 2):
        raise BadInput(f"a {kind} of {len(points)} points")
    if kind == "circle":
        (x, y), radius = points[0], math.dist(*points)
        around = np.array([[x - radius, y - radius], [x + radius, y + radius]])
        return fill_disc((x, y), radius, size), reaches_beyond(around, size)
    beyond = reaches_beyond(points, size)
    if kind == "rectangle":
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        points = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
    return fill_polygon(points, size), beyond


def _mask(points: np.ndarray, text: Any, size: tuple[int, int]) -> tuple[Patch, bool]:
    """The pixels of a mask, a PNG in base64 whose first pixel is the first of two points; whether some were cut off.

    Both points are pixels of the mask where they are whole numbers: a larger PNG is cut there, as labelme does.
    """
    if len(points) != 2 or not isinstance(text, str):
        raise BadInput("a mask without its box or its PNG")
    try:
        data = base64.b64decode(text)
        check_sums("its PNG", data)
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > MOST_PIXELS:
                raise BadInput(f"a mask of {image.width} x {image.height} pixels")
            mask = np.asarray(image)
    except Exception as error:  # Pillow meets broken files with many kinds
        raise BadInput(f"a mask that is no PNG ({' '.join(str(error).split())[:80]})") from None
    held = mask.reshape(*mask.shape[:2], -1)[..., 0] != 0
    (x0, y0), (x1, y1) = np.rint(points).astype(int).tolist()
    if np.array_equal(points, np.rint(points)):
        held = held[: max(y1 - y0 + 1, 0), : max(x1 - x0 + 1, 0)]
    patch = paste(held, y0, x0, size)
    return patch, patch.area < int(np.count_nonzero(held))
