"""A Sphinx extension that puts the pieces of what a cell prints together as they came.

A kernel sends its output in pieces, cut wherever it happens to be flushed. MyST-NB ends each piece with a line break
when it merges them, so that on a busy machine lines of the page fall apart. Here the pieces are joined beforehand.
"""

from __future__ import annotations

from typing import Any

from myst_nb.core import render
from sphinx.application import Sphinx

coalesce_streams = render.coalesce_streams


def joined(outputs: list[Any]) -> list[Any]:
    """Return the outputs of a cell with each stream in one piece, without a line break that nobody printed."""
    whole: list[Any] = []
    streams: dict[str, Any] = {}
    for output in outputs:
        if output["output_type"] != "stream":
            whole.append(output)
        elif output["name"] in streams:
            streams[output["name"]]["text"] += output["text"]
        else:
            streams[output["name"]] = output.copy()
            whole.append(streams[output["name"]])
    return coalesce_streams(whole)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    render.coalesce_streams = joined
    return {"parallel_read_safe": True, "parallel_write_safe": True}
