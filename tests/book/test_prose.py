"""What chapters say is so: citations and links lead somewhere, numbers have an origin that a reader can see."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from chapter_prose import PAPERS_MAP, citations, links, numbers, numbers_of_page, words
from notebooks import BOOK, ROOT, Cell, Chapter, each_chapter, none_of
from small_chapter import broken, cell_named, fits, in_cell

BIBLIOGRAPHY = (BOOK / "references.bib").read_text("utf8")

PAGES = sorted(BOOK.glob("*.md"))

each_page = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


@each_chapter
def test_what_a_chapter_points_to_is_there(path: Path) -> None:
    none_of(p for cell in Chapter(path).of("markdown") for p in links(cell.source, path))


@each_page
def test_what_a_page_cites_and_points_to_is_there(path: Path) -> None:
    text = path.read_text("utf8")
    none_of([*citations(text, BIBLIOGRAPHY), *links(text, path)])


@each_chapter
def test_the_numbers_of_a_chapter_come_from_its_code_the_paper_or_a_stored_result(path: Path) -> None:
    none_of(numbers(Chapter(path), PAPERS_MAP.read_text("utf8"), BOOK / "results"))


@pytest.mark.parametrize("path", [path for path in PAGES if path != PAPERS_MAP], ids=lambda path: path.stem)
def test_the_numbers_of_a_page_come_from_the_papers_map_or_the_requirements(path: Path) -> None:
    sources = (PAPERS_MAP.read_text("utf8"), (ROOT / "pyproject.toml").read_text("utf8"))
    none_of(numbers_of_page(path.read_text("utf8"), *sources))


# The checks themselves


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{cite}`a2016b`, {cite:t}`c2017d`, {cite}`a2016b, c2017d`", []),
        ("```\n{cite}`shown`\n```", []),
        ("{cite}`a2016c`", ["'a2016c'"]),
        ("{cite:p}`a2016b,nobody`", ["'nobody'"]),
    ],
)
def test_a_citation_of_nothing_is_seen(text: str, said: list[str]) -> None:
    found = list(citations(text, "@misc{a2016b,\n}\n@article{c2017d,\n}"))
    assert [key in problem for key, problem in zip(said, found)] == [True] * len(said)
    assert len(found) == len(said)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[a](there.md) [b](there.md#part) [c](#here) [d](https://x.org/a.md) ![e](there.md 'title')", False),
        ("```sh\n[a](nowhere.md)\n```", False),
        ("[a](nowhere.md)", True),
        ("![a picture](images/nowhere.png)", True),
        ('<img src="nowhere.png">', True),
        ("[a](nowhere.md#there)", True),
        ("```{note} A box\n[a](nowhere.md)\n```", True),
        ("> **Hint.** [a](nowhere.md)", True),
    ],
)
def test_a_link_to_nowhere_is_seen(text: str, wrong: bool, tmp_path: Path) -> None:
    (tmp_path / "there.md").write_text("")
    assert bool(list(links(text, tmp_path / "page.md"))) == wrong


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("half, 0.5, or 50%, or 50 %", None),  # 0.5 is in the code
        ("3 objects, 10,582 pictures, chapter 4", None),
        ("The paper reaches 73.41 **S**.", None),
        ("The paper reaches 73.41.", "73.41"),
        ("The paper reaches 73.42 **S**.", "73.42"),
        ("We reach 0.873.", "0.873"),
        ("We reach 87%.", "87%"),
        ("We reach 87.3 % of it.", "87.3 %"),
        ("We reach 0.937 today.", None),  # 0.93661 is stored, and the chapter reads it
        ("We reach 94% and 93.7% today.", None),
        ("We reach 0.938 today.", "0.938"),
        ("Elsewhere 0.41.", "0.41"),  # stored, and not read
        ("$p < 0.25$", "0.25"),
        ("`t = 0.25`", "0.25"),
        ("```python\nt = 0.25\n```", None),
        ("[0.25](https://x.org/0.25) <!-- 0.25 -->", "0.25"),
        ("<!-- time -->2.5 minutes<!-- /time -->", None),
        ("> **Hint.** We reach 0.873.", "0.873"),
        ("> | 73.41 **S** |\n> | 73.41 |", "73.41"),
        ("> ```python\n> t = 0.25\n> ```", None),
    ],
)
def test_a_number_without_an_origin_is_seen(text: str, said: str | None, tmp_path: Path) -> None:
    for name, value in (("ours", 0.93661), ("others", 0.41)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"figures": [{"it": value}], "run": True}))
    papers = "| the paper's figure 73.41 **S** | ... |\n| not marked 73.42 |"
    chapter = broken(in_cell("question", "A word and a half", "A word"), tmp_path)
    clean = list(numbers(chapter, papers, tmp_path))
    assert clean == []

    def break_it(made: dict) -> None:
        in_cell("see", "figure answers.", f"figure answers.\n\n{text}")(made)
        cell_named(made, "claim-run")["source"] = [
            "for name in ('ours', 'not there'):\n",
            "    stored_result(name)",
        ]

    found = list(numbers(broken(break_it, tmp_path), papers, tmp_path))
    assert len(found) == (said is not None), found
    assert said is None or fits(found, f"^cell see: {said} is no constant")


def test_a_number_in_a_caption_is_seen(tmp_path: Path) -> None:
    def break_it(made: dict) -> None:
        cell_named(made, "see-figure-caption")["source"] = ["**Figure.** Found at 0.77 of the places."]

    assert fits(
        list(numbers(broken(break_it, tmp_path), "", tmp_path)), "^cell see-figure-caption: 0.77 is no"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("From 3.11 on, at 0.5, 10,582 pictures.", []),
        ("<!-- figures -->\n| 0.94 |\n<!-- /figures -->", []),
        ("```sh\npip install 0.94\n```", []),
        ("We reach 0.94, 94%.", ["0.94", "94%"]),
    ],
)
def test_a_number_of_a_page_without_an_origin_is_seen(text: str, said: list[str]) -> None:
    found = list(numbers_of_page(text, "| at 0.5 | 57.2 **S** |", 'requires-python = ">=3.11"'))
    assert [problem.partition(" stands")[0] for problem in found] == said


def test_words_are_those_that_a_reader_meets() -> None:
    source = (
        "> **Two words.**\n> **Three** ([Wu et al. 2016](https://a.org/c)) more $x_i$ [here](https://a.org/b).\n"
        "> ```\n> code\n> ```\n\n```\ncode\n```\n"
    )
    assert words(Cell({"cell_type": "markdown", "source": source, "metadata": {}}, 0)) == 5
