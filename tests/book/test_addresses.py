"""A chapter's pictures are seen and its links open wherever it is read: by address, in the book by what lies there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from chapter_addresses import problems
from notebooks import BOOK, ROOT, Chapter, each_chapter, none_of
from pages import loaded
from PIL import Image
from repository_address import PICTURE, RAW, configured, served
from small_chapter import Break, broken, fits, in_cell
from strip_notebooks import NOTEBOOK_METADATA

EXTENSIONS = BOOK / "_extensions"


@each_chapter
def test_the_pictures_of_a_chapter_are_seen_everywhere(path: Path) -> None:
    none_of(problems(Chapter(path)))
    assert any(PICTURE.search(cell.source) for cell in Chapter(path).of("markdown"))


def test_the_check_sees_nothing_in_what_is_whole(tmp_path: Path) -> None:
    none_of(problems(broken(lambda made: None, tmp_path)))


SEEN = served(ROOT, "book/images/segmented.png")


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (in_cell("title", SEEN, "images/segmented.png"), "images/segmented.png is not seen where .* make address"),
        (in_cell("title", SEEN, "/book/images/segmented.png"), "is not seen where a notebook stands alone"),
        (in_cell("title", SEEN, SEEN.replace("/main/", "/other/")), "is none of this repository's"),
        (in_cell("title", SEEN, "https://a.org/segmented.png"), "is none of this repository's"),
        (in_cell("title", SEEN, SEEN.replace("segmented", "gone")), "no file book/images/gone.png"),
        (in_cell("see", "Here", "[So](glossary.md). Here"), "glossary does not open where .* make address"),
        (in_cell("see", "Here", "[So](01_a.ipynb#b). Here"), "01_a does not open where .* make address"),
        (in_cell("see", "Here", "<img src='a.png'> Here"), "see: a picture in HTML"),
    ],
)  # fmt: skip
def test_the_check_sees_what_is_not_seen(break_it: Break, said: str, tmp_path: Path) -> None:
    found = list(problems(broken(break_it, tmp_path)))
    assert fits(found, said), found


# In the book


SETTINGS = f"""import sys
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["myst_nb", "own_addresses"]
myst_heading_anchors = 2
root_doc, nb_execution_mode, exclude_patterns = "book/page", "off", ["built"]
html_theme_options = {{"repository_url": "https://github.com/ab/cd", "repository_branch": "main"}}
suppress_warnings = ["config"]
"""
LINKS = """

[Words](https://ab.github.io/cd/book/words.html) [A place](https://ab.github.io/cd/book/words.html#words)
[None](https://ab.github.io/cd/book/none.html) [Others](https://ab.github.io/other/book/words.html)"""
TEXT = f"# Page\n\n![A dot]({RAW}/ab/cd/main/book/images/dot.png)\n\n![Two]({RAW}/ab/other/main/two.png)"


def built(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Build a page with a picture and another page beside it; its site is in `built`."""
    (folder / "book" / "images").mkdir(parents=True)
    (folder / "conf.py").write_text(SETTINGS)
    Image.new("L", (9, 9)).save(folder / "book" / "images" / "dot.png")
    (folder / "book" / "words.md").write_text("---\norphan: true\n---\n# Words")
    cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": text}]
    notebook = {"cells": cells, "metadata": NOTEBOOK_METADATA, "nbformat": 4, "nbformat_minor": 5}
    (folder / "book" / "page.ipynb").write_text(json.dumps(notebook))
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", folder, folder / "built"]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_book_shows_the_file_and_leaves_other_addresses(tmp_path: Path) -> None:
    ran = built(tmp_path, TEXT + LINKS)
    assert ran.returncode == 0, ran.stderr
    page = BeautifulSoup((tmp_path / "built" / "book" / "page.html").read_text("utf8"), "html.parser")
    shown = {str(picture["alt"]): str(picture["src"]) for picture in page.select("img[alt]")}
    assert shown["A dot"] == "../_images/dot.png"
    assert (tmp_path / "built" / "_images" / "dot.png").exists()
    assert shown["Two"] == f"{RAW}/ab/other/main/two.png"
    links = {link.get_text(): str(link["href"]) for link in page.select("a.reference")}
    assert links["Words"] == "words.html"
    assert links["A place"] == "words.html#words"
    assert links["None"].startswith("https://ab.github.io/cd/")
    assert links["Others"].startswith("https://ab.github.io/other/")


def test_a_picture_whose_file_is_not_there_is_a_warning(tmp_path: Path) -> None:
    assert (
        "image file not readable: book/images/gone.png" in built(tmp_path, TEXT.replace("dot", "gone")).stderr
    )


def test_the_extension_and_the_gate_mean_the_same_address() -> None:
    extension = loaded(EXTENSIONS / "own_addresses.py")
    repository = yaml.safe_load((ROOT / "_config.yml").read_text("utf8"))["repository"]
    assert extension.served(repository["url"], repository["branch"]) == served(ROOT)
    assert extension.published(repository["url"]) == f"https://{configured(ROOT).pages}/"
