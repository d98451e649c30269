"""What every chapter begins with: the same seed, the same look, and a line that says where it runs.

Built in chapter 1.
"""

from __future__ import annotations

import importlib
import importlib.util
import platform
import random
import sys

import matplotlib.pyplot as plt
import numpy as np
import torch
import torchvision

import bridgeseg
from bridgeseg.machine.environment import LAYOUTS, data_folder, device, tier
from bridgeseg.plots.style import STYLE
from bridgeseg.teaching.unwritten import say_in_one_line

DPI = 160  # pixels to the inch; figures are some 7 inches wide, a page's column at most 900 pixels


def begin(seed: int = 0) -> torch.device:
    """Set seed and style, say where the chapter runs, and return the device that networks compute on.

    seed: of Python's, numpy's and torch's generators
    returns: the first GPU, or the processor

    Example:
        >>> with plt.rc_context():  # doctest: +ELLIPSIS
        ...     place = begin(seed=3)
        device    ...
        seed      3
        ...
        >>> place == device()
        True

    Called by the set-up cell of every chapter; it changes matplotlib's settings, as no import does. Built in chapter 1.
    """
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    torch.manual_seed(seed)
    plt.rcParams.update(STYLE)
    _draw_finely()
    say_in_one_line()
    place = device()
    if place.type == "cuda":
        described = torch.cuda.get_device_name(place)
    else:
        described = f"processor, {torch.get_num_threads()} threads"
    found = [name for name in LAYOUTS if data_folder(name)]
    print(f"device    {described}")
    print(f"tier      {tier()}")
    print(f"seed      {seed}")
    print(f"pictures  {', '.join(found) if found else 'none at hand: drawn scenes stand in for real ones'}")
    print(f"versions  bridgeseg {bridgeseg.__version__}, Python {platform.python_version()}")
    print(
        f"          torch {torch.__version__}, torchvision {torchvision.__version__}, numpy {np.__version__}"
    )
    return place


def _draw_finely() -> None:
    """In a notebook, let figures have more pixels than they are shown with: for sharp screens and for paper."""
    inline = "matplotlib_inline.backend_inline"
    if "ipykernel" in sys.modules and importlib.util.find_spec(inline.partition(".")[0]) is not None:
        importlib.import_module(inline).set_matplotlib_formats("png", dpi=DPI)
