"""The pictures in a chapter's text: seen wherever the chapter is read, on Colab too, and drawn by this repository."""

from __future__ import annotations

import re
from collections.abc import Iterator

from notebooks import ROOT, Chapter
from repository_address import PICTURE, served

IN_HTML = re.compile(r"<img\b")


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield each picture that some reader would not see, a line each."""
    begins = served(ROOT)
    for cell in chapter.of("markdown"):
        if IN_HTML.search(cell.source):
            yield f"cell {cell.name}: a picture in HTML: write ![what it shows](images/name.png)"
        for _, target, _ in PICTURE.findall(cell.source):
            if not re.match(r"\w+:", target):
                yield f"cell {cell.name}: {target} is not seen where a notebook stands alone; run: make address"
            elif not target.startswith(begins):
                yield f"cell {cell.name}: {target} is none of this repository's, whose begin {begins}"
            elif not (ROOT / target.removeprefix(begins)).is_file():
                yield f"cell {cell.name}: {target} is not there: no file {target.removeprefix(begins)}"
