"""Block quotes and text below figures become the book's boxes and captions, by their bold first words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup, Tag
from small_page import built_pages

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
QUOTES = """> **Predict.** How *many*?
>
> - one
> - two

> **What this chapter gives you.**
>
> **Time** An hour.

> **Hint.** Look.

> **Predicts.** Not known.

> **Predict** Without its full stop.

> Predict. Not bold.
"""


def text(name: str, source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def code(name: str, **shown: Any) -> dict[str, Any]:
    outputs = [{"output_type": "stream", "name": "stdout", "text": "one"}]
    outputs += [
        {"output_type": "display_data", "metadata": {}, "data": {"image/png": PICTURE, "text/plain": "<F>"}}
    ] * 2
    kept = {
        "cell_type": "code",
        "id": name,
        "metadata": {"mystnb": shown},
        "source": "1",
        "execution_count": 1,
    }
    return kept | {"outputs": outputs if shown else outputs[:1]}


CELLS = [
    text("title", f"# Page\n\n{QUOTES}"),
    code("first", image={"alt": "A dot"}),
    text("first-caption", "**Figure.** See *it*."),
    code("second", image={"alt": "A dot"}, figure={"caption": "Of the metadata."}),
    text("second-caption", "**Figure.** Of the text.\n\nMore."),
    code("third"),
    text("third-caption", "**Figure.** Of nothing."),
    code("fourth", image={"alt": "A dot"}),
    text("words", "**Figures.** No caption."),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a built page from a notebook, and one from a file of text."""
    return built_pages(tmp_path_factory.mktemp("book"), "bold_first_words", CELLS, QUOTES)


def page(built: Path, name: str) -> Tag:
    return BeautifulSoup((built / f"{name}.html").read_text("utf8"), "html.parser")


def test_a_block_quote_that_says_so_is_a_box(built: Path) -> None:
    boxes = page(built, "page").select("div.admonition")
    assert [
        (set(box["class"]), [" ".join(p.get_text().split()) for p in box.select("p")]) for box in boxes
    ] == [
        ({"admonition", "important"}, ["Predict", "How many?", "one", "two"]),
        ({"admonition", "tip"}, ["What this chapter gives you", "Time An hour."]),
        ({"admonition", "tip", "dropdown"}, ["Hint", "Look."]),
    ]


def test_any_other_block_quote_stays_one(built: Path) -> None:
    quotes = [quote.get_text().strip() for quote in page(built, "page").select("blockquote")]
    assert quotes == ["Predicts. Not known.", "Predict Without its full stop.", "Predict. Not bold."]


def test_pages_that_are_not_made_from_notebooks_keep_their_quotes(built: Path) -> None:
    assert len(page(built, "words").select("blockquote")) == 6


def test_the_text_below_a_picture_is_its_caption(built: Path) -> None:
    captions = page(built, "page").select("figcaption")
    said = [caption.get_text().strip().rstrip("¶") for caption in captions]
    assert said[0] == "Fig. 1 See it."
    assert said[-1] == "Fig. 3 Of the text.", "and takes the place of the metadata's"
    figures = page(built, "page").select("div.cell_output figure")
    assert [figure.img["alt"] for figure in figures] == ["A dot"] * len(figures)
    assert "Of the metadata." not in said[-1]


def test_text_below_no_picture_and_other_bold_words_stay(built: Path) -> None:
    words = [p.get_text() for p in page(built, "page").select("section > p")]
    assert words == ["More.", "Figure. Of nothing.", "Figures. No caption."]
