"""What a chapter's text points to: pictures that are seen and pages that open wherever it is read, on Colab too."""

from __future__ import annotations

import re
from collections.abc import Iterator

from notebooks import ROOT, Chapter
from repository_address import PAGE, PICTURE, served

IN_HTML = re.compile(r"<img\b")


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield each picture that some reader would not see, and each page that would not open, a line each."""
    begins = served(ROOT)
    for cell in chapter.of("markdown"):
        if IN_HTML.search(cell.source):
            yield f"cell {cell.name}: a picture in HTML: write it as Markdown has it"
        for page in PAGE.findall(cell.source):
            yield f"cell {cell.name}: {page} does not open where a notebook stands alone; run: make address"
        for _, target, _ in PICTURE.findall(cell.source):
            if not re.match(r"\w+:", target):
                yield f"cell {cell.name}: {target} is not seen where a notebook stands alone; run: make address"
            elif not target.startswith(begins):
                yield f"cell {cell.name}: {target} is none of this repository's, whose begin {begins}"
            elif not (ROOT / target.removeprefix(begins)).is_file():
                yield f"cell {cell.name}: {target} is not there: no file {target.removeprefix(begins)}"
