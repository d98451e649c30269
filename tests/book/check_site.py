"""Checks a built book: every page is there, full, whole and readable. A green build can be empty.

`python tests/book/check_site.py _build/html` prints what is wrong and fails; `make book` ends with it.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import folds
import yaml
from bs4 import BeautifulSoup, Tag
from PIL import Image
from repository_address import configured

from bridgeseg.teaching.set_up import DPI

FEWEST_CHARACTERS = 100  # of an article
LARGEST_PAGE = 20_000_000  # bytes; the frames of sliders are in it
LARGEST_SITE = 300_000_000
WIDEST = 6.6  # inches of a figure: on a telephone its letters of 9 points are then 6.8 pixels high, and not smaller
MADE_BY_SPHINX = {"genindex.html", "index.html", "search.html"}
VIEW = "application/vnd.jupyter.widget-view+json"
# A picture without a text of its own gets its file's name, which is a hash.
NO_ALT = re.compile(r"|.*[0-9a-f]{32}.*|.*\.(png|svg|jpe?g|gif)", re.IGNORECASE)
BOX = re.compile(r"(?:\A|\n\n)> \*\*([^*]+)\.\*\*")  # as a notebook has it
TRACEBACK = re.compile(r"Traceback \(most recent call last\)|-{20,}\s*\n?\s*\w*(Error|Exception|Interrupt)\b")


def pages_of(contents: Any) -> Iterator[str]:
    """Yield the files that a table of contents names, without ending."""
    if isinstance(contents, dict):
        for key, value in contents.items():
            if key in ("root", "file"):
                yield value
            else:
                yield from pages_of(value)
    elif isinstance(contents, list):
        for entry in contents:
            yield from pages_of(entry)


def expected_pages(root: Path) -> list[str]:
    """Return the pages that the table of contents of a book asks for."""
    return [f"{page}.html" for page in pages_of(yaml.safe_load((root / "_toc.yml").read_text("utf8")))]


class Site:
    """A built book in a folder, its pages parsed once."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self.root = folder, root
        self.expected = expected_pages(root)
        self.pages = {
            path.relative_to(folder).as_posix(): BeautifulSoup(path.read_text("utf8"), "html.parser")
            for path in sorted(folder.rglob("*.html"))
            if path.relative_to(folder).parts[0] not in ("_static", "_sources", "reports")
        }
        self.chapters = [page for page in self.expected if (root / page).with_suffix(".ipynb").exists()]

    def article(self, page: str) -> Tag:
        """Return the part of a page that was written, without the navigation around it."""
        soup = self.pages[page]
        return soup.select_one("article.bd-article") or soup.select_one("main") or soup

    def problems(self) -> list[str]:
        """Return everything that is wrong, a line each."""
        found = list(self._missing_and_left_over())
        for page in self.expected:
            if page in self.pages:
                checks = (self._text, self._pictures, self._links, self._widgets, self._paths)
                found += [f"{page}: {problem}" for check in checks for problem in check(page)]
        for page in self.chapters:
            if page in self.pages:
                found += [f"{page}: {problem}" for problem in self._chapter(page)]
        return found

    def _missing_and_left_over(self) -> Iterator[str]:
        for page in ["index.html", *self.expected]:
            if page not in self.pages:
                yield f"{page}: missing"
        for page in set(self.pages) - set(self.expected) - MADE_BY_SPHINX:
            yield f"{page}: not in the table of contents"
        for report in self.folder.glob("reports/**/*.log"):
            yield f"{report.relative_to(self.folder)}: a chapter failed"
        size = sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())
        if size > LARGEST_SITE:
            yield f"the site has {size:,} bytes; at most {LARGEST_SITE:,}"

    def _text(self, page: str) -> Iterator[str]:
        text = self.article(page).get_text()
        if len(text) < FEWEST_CHARACTERS:
            yield f"{len(text)} characters of text; at least {FEWEST_CHARACTERS}"
        if len(self.article(page).find_all("h1")) != 1:
            yield "not exactly one title"
        if found := TRACEBACK.search(text):
            yield f"a traceback: {found.group(0)[-60:]!r}"
        if self.article(page).select(".output.stderr, .output.traceback, .system-message, .problematic"):
            yield "an error output or a mark of Sphinx for something broken"
        size = (self.folder / page).stat().st_size
        if size > LARGEST_PAGE:
            yield f"{size:,} bytes; at most {LARGEST_PAGE:,}"

    def _pictures(self, page: str) -> Iterator[str]:
        for picture in self.article(page).find_all("img"):
            if NO_ALT.fullmatch(str(picture.get("alt", "")).strip()):
                yield f"a picture without alt text: {str(picture.get('src', ''))[:80]}"
            if urlsplit(str(picture.get("src", ""))).scheme not in ("", "data"):
                yield f"a picture that a reader without a network does not see: {picture.get('src')}"
        for figure in self.article(page).find_all("figure"):
            if not figure.find("figcaption"):
                yield "a figure without a caption"

    def _links(self, page: str) -> Iterator[str]:
        for tag, attribute in (("a", "href"), ("img", "src"), ("link", "href"), ("script", "src")):
            for element in self.pages[page].find_all(tag):
                target = str(element.get(attribute) or "")
                split = urlsplit(target)
                if split.scheme or split.netloc or not target:
                    continue
                place = (
                    (self.folder / page).parent / unquote(split.path) if split.path else self.folder / page
                )
                if not place.exists():
                    yield f"a link to nowhere: {target}"
                elif tag == "a" and split.fragment and place.suffix == ".html":
                    name = place.resolve().relative_to(self.folder.resolve()).as_posix()
                    if name in self.pages and not self.pages[name].find(id=unquote(split.fragment)):
                        yield f"a link to a place that is not on its page: {target}"

    def _widgets(self, page: str) -> Iterator[str]:
        if self.pages[page].find("script", type=VIEW):
            yield "a widget, and no Python on a page that would move it: tag its cell `remove-output`"

    def _paths(self, page: str) -> Iterator[str]:
        text = self.article(page).get_text()
        for path in {str(self.root.resolve()), str(Path.home())} - {"/"}:
            if f"{path}/" in text:
                yield f"names a path of this machine: {path}"

    def _chapter(self, page: str) -> Iterator[str]:
        article = self.article(page)
        cells = json.loads((self.root / page).with_suffix(".ipynb").read_text("utf8"))["cells"]
        figures = sum("figure" in cell["metadata"].get("tags", []) for cell in cells)
        shown = len(article.select("div.cell figure img, div.cell_output img"))
        if shown < figures:
            yield f"{shown} pictures from {figures} cells that make a figure"
        for picture in article.select("div.cell_output figure img"):
            path = (self.folder / page).parent / unquote(str(picture.get("src")))
            if path.exists() and (width := Image.open(path).width / DPI) > WIDEST:
                yield f"a figure of {width:.2f} inches, at most {WIDEST}: {picture.get('alt')}"
        yield from self._boxes_and_captions(article, cells)
        yield from self._folded(article, cells)
        if any(cell["cell_type"] == "code" for cell in cells) and not article.select("div.cell_output"):
            yield "no output at all: it was not run"
        address, source = configured(self.root), Path(page).with_suffix(".ipynb").as_posix()
        wanted = f"https://colab.research.google.com/github/{address.repository}/blob/main/{source}"
        links = {str(a.get("href")) for a in self.pages[page].find_all("a")}
        if wanted not in links:
            yield f"no Colab button to {wanted}"
        if not any(link.endswith(f"_sources/{source}") for link in links):
            yield "no button that downloads the notebook"
        host, branch = "https://github.com", "editions"
        for edition in (
            f"https://colab.research.google.com/github/{address.repository}/blob/{branch}/student/{Path(source).name}",
            f"{host}/{address.repository}/archive/refs/heads/{branch}.zip",
        ):
            if edition not in links:
                yield f"no link to {edition}"

    def _boxes_and_captions(self, article: Tag, cells: list[dict[str, Any]]) -> Iterator[str]:
        """What stands in a notebook as block quotes and below its figures: bold_first_words.py puts it in its place."""
        texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
        titles = [title.get_text() for title in article.select("div.admonition > .admonition-title")]
        for title in sorted({title for text in texts for title in BOX.findall(text)}):
            wanted = sum(BOX.findall(text).count(title) for text in texts)
            if titles.count(title) != wanted:
                yield f"{titles.count(title)} boxes {title!r}, {wanted} in the notebook"
        for quote in article.find_all("blockquote"):
            yield f"a block quote that is no box: {quote.get_text().strip()[:40]!r}"
        captions = len(article.select("div.cell_output figure figcaption"))
        wanted = sum("figure" in cell["metadata"].get("tags", []) for cell in cells)
        if captions < wanted:
            yield f"{captions} captions in figures, {wanted} cells that make a figure"
        for bold in article.select("p > strong:first-child"):
            if bold.get_text() == "Figure." and not bold.previous_sibling:
                yield f"a caption in no figure: {bold.parent.get_text()[:40]!r}"

    def _folded(self, article: Tag, cells: list[dict[str, Any]]) -> Iterator[str]:
        """What is folded stands under its title, and the title not once more above the code: folded_cells.py."""
        tagged = [cell for cell in cells if folds.FOLDS.keys() & set(cell["metadata"].get("tags", []))]
        wanted = [folds.title("".join(cell["source"])) for cell in tagged]
        summaries = [summary.find("p") for summary in article.select("details.hide > summary")]
        found = [said.get_text() for said in summaries if said]
        if found != wanted:
            yield f"folded cells are {found}, in the notebook {wanted}"
        for code in article.select("div.cell_input"):
            if "# @title" in code.get_text():
                yield f"shows a title as code: {code.get_text().strip()[:40]!r}"


if __name__ == "__main__":
    built = Path(sys.argv[1])
    site = Site(built, Path(__file__).resolve().parents[2])
    wrong = site.problems()
    print(*wrong, sep="\n", end="\n" if wrong else "")
    pages, chapters = len(site.expected), len(site.chapters)
    print(f"{built}/index.html: {pages} pages, {chapters} of them run; {len(wrong)} problems")
    sys.exit(bool(wrong))
