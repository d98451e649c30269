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
from matplotlib.backends.registry import BackendFilter, backend_registry

import bridgeseg
from bridgeseg.machine.environment import LAYOUTS, data_folder, device, tier
from bridgeseg.plots.style import STYLE
from bridgeseg.teaching.unwritten import say_in_one_line

WRITES_FILES = backend_registry.list_builtin(BackendFilter.NON_INTERACTIVE)
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
    _show_figures()
    plt.rcParams.update(STYLE)
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


def _show_figures() -> None:
    """In a notebook, show figures below their cell, with more pixels than they take there: for sharp screens and paper.

    MPLBACKEND=Agg in the environment, as CI systems set it, has a notebook draw figures and show none. It is not
    heeded, nor is another backend that only writes files.
    """
    inline = "matplotlib_inline.backend_inline"
    if "ipykernel" not in sys.modules or importlib.util.find_spec(inline.partition(".")[0]) is None:
        return
    shell = importlib.import_module("IPython").get_ipython()
    if getattr(shell, "kernel", None) is not None and plt.get_backend().lower() in WRITES_FILES:
        shell.enable_matplotlib("inline")
    importlib.import_module(inline).set_matplotlib_formats("png", dpi=DPI)
