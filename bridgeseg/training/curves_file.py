"""curves.png: how a training went, drawn into its RUN folder.

Built in chapter 6.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bridgeseg.machine.distributed import rank
from bridgeseg.machine.files import write_atomically

CURVES = "curves.png"


def draw_curves(log: Sequence[Mapping[str, Any]], out: Path, warn: Callable[[str], None]) -> None:
    """Draw the log of a training into its folder; where that fails, say so in a line, for no run is lost by a drawing.

    log: the lines of log.jsonl; without any nothing is drawn
    out: the RUN folder; gets curves.png in the place of an earlier one
    warn: called with one line where the drawing cannot be made or written

    Of several processes the first draws. Built in chapter 6.
    """
    if not log or rank():
        return
    try:
        # Not before it is needed: to import matplotlib takes a second and may itself fail, by its settings (ValueError)
        # or for want of a folder to keep its fonts in.
        from bridgeseg.plots.training_curves import show_training
    except (ImportError, OSError, ValueError) as error:
        warn(
            f"{out / CURVES}: not drawn, matplotlib cannot be used ({_line(error)}); the run is complete without it"
        )
        return
    picture = io.BytesIO()
    try:
        show_training(log).savefig(picture, format="png")
        write_atomically(out / CURVES, lambda file: file.write(picture.getbuffer()))
    except OSError as error:
        warn(f"{out / CURVES}: cannot be written ({error.strerror or error}); the run is complete without it")


def _line(error: Exception) -> str:
    """What an error says, in one line."""
    return " ".join(str(error).split()) or type(error).__name__
