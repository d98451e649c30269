"""What a drawing looks like, dot by dot."""

from __future__ import annotations

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes


def rendered(draw: Callable[[Axes], Axes], height: int, width: int, scale: int = 10) -> np.ndarray:
    """Draw on axes that fill a figure of scale dots a pixel, and return its (h·scale, w·scale, 3) dots."""
    figure = plt.figure(figsize=(width, height), dpi=scale)
    ax = figure.add_axes((0, 0, 1, 1))
    assert draw(ax) is ax
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3]


def cells(dots: np.ndarray, scale: int = 10) -> np.ndarray:
    """Return the dot in the middle of every pixel."""
    return dots[scale // 2 :: scale, scale // 2 :: scale]


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Return a picture of random colours, (h, w, 3) uint8."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
