"""The appendices say what is so: names exist, counts and tables are those of the rows and the files."""

from __future__ import annotations

import ast
import importlib
import json
import re
from itertools import pairwise
from pathlib import Path

import papers_map
import pytest
import reproduce_table
from chapter_prose import cited
from chapter_sources import linked
from notebooks import BOOK, ROOT
from pages import CHAPTERS, blocks, loaded, page, written
from pybtex.database import parse_file

ROWS = papers_map.rows(papers_map.PAGE.read_text("utf8"))

# The paper's map


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", "-", row.paper)[:40])
def test_a_line_of_the_map_names_what_exists(row: papers_map.Row) -> None:
    assert row.state in papers_map.STATES
    assert row.marks, "how do we know? S, C, I or ?"
    assert all(1 <= chapter <= 15 for chapter in row.chapters)
    if row.state != "not done":
        assert min(map(len, (row.functions, row.tests, row.chapters))) > 0
        assert row.here or row.state == "same"
    for name in row.functions:
        module, _, function = name.rpartition(".")
        assert hasattr(importlib.import_module(f"bridgeseg.{module}"), function), name
    for name in row.tests:
        module, function = name.split(": ")
        (file,) = (ROOT / "tests").rglob(f"test_{module}.py")
        tree = ast.parse(file.read_text("utf8"))
        assert f"test_{function}" in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, name


def test_what_is_not_known_is_our_choice_or_not_done() -> None:
    assert [row.paper for row in ROWS if "?" in row.marks and row.state in ("same", "changed")] == []


def test_the_counts_are_those_of_the_lines() -> None:
    text = page("the_papers_map")
    assert papers_map.with_counts(text) == text, "run: python tests/book/papers_map.py"
    assert len({row.paper for row in ROWS}) == len(ROWS)


def test_every_figure_of_the_papers_tables_has_a_line() -> None:
    text = " ".join(row.paper for row in ROWS)
    for figures in (
        "73.41 74.80 79.1 71.51 74.64 44.5 72.9 54.8",  # categories
        "57.2 40.5 60.9 44.6 55.5 61.5 46.6 56.4 73.0 60.6",  # instances
        "392 512 10,582 1,449 4,629",
    ):
        assert [figure for figure in figures.split() if figure not in text] == []


def test_a_chapter_that_is_here_is_linked() -> None:
    for listed in re.findall(r"· chapters? ([^·|]*)|\| chapters? ([^·|]*)", page("the_papers_map")):
        for number in re.findall(r"(?<!\[)\b\d+\b(?!\])", re.sub(r"\(.*?\)", "", "".join(listed))):
            assert int(number) not in CHAPTERS, f"the map: chapter {number} is here, link to it"
    for number in re.findall(r"→\s+chapter (\d+)", page("glossary")):
        assert int(number) not in CHAPTERS, f"glossary: chapter {number} is here, link to it"


# Reproduce every number


def test_every_stored_result_has_its_row() -> None:
    text = page("reproduce")
    assert reproduce_table.with_tables(text) == text, "run: python tests/book/reproduce_table.py --write"
    table = text.split("<!-- measured -->")[1].split("<!-- /measured -->")[0]
    files = [*(BOOK / "results").glob("*.json"), *(ROOT / "bridgeseg" / "checkpoints").glob("*.card.json")]
    assert len(table.strip().splitlines()) == 2 + len(files) > 4
    for file in files:
        command = json.loads(file.read_text("utf8")).get("command")
        assert command is None or f"`{command}`".replace("|", "\\|") in table, file.name


def test_rows_are_made_of_whatever_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce_table, "RESULTS", tmp_path)
    monkeypatch.setattr(reproduce_table, "CARDS", tmp_path)
    origin = {"command": "a | b", "hardware": "one GPU", "date": "2026-01-02"}
    (tmp_path / "voc.json").write_text(json.dumps(origin | {"recipe": "voc", "minutes": 90.4}))
    each = {"cold": 90, "warm": 30, "hardware": "2 cores", "date": "2026-01-03"}
    (tmp_path / "timings.json").write_text(json.dumps({"01_x": each, "02_y": each}))
    rows = reproduce_table.measured().splitlines()[2:]
    assert rows[0].endswith("| 4 | 2 cores | 2026-01-03 |")
    assert rows[1] == "| voc | `a \\| b` | 90 | one GPU | 2026-01-02 |"
    assert "scenes-full" in reproduce_table.waiting()
    assert "`voc`" not in reproduce_table.waiting()
    assert "| chapter 4 in its full tier |" in reproduce_table.waiting()
    (tmp_path / "gpu-chapters.json").write_text(json.dumps(origin | {"chapters": {"04": {}}}))
    assert "| chapter 4 in its full tier |" not in reproduce_table.waiting()
    assert "stopped when the minutes ended, one GPU | 2026-01-02 |" in reproduce_table.waiting()
    (tmp_path / "gpu-chapters.json").unlink()
    (tmp_path / "worse.json").write_text(json.dumps({"command": "x", "date": "today"}))
    with pytest.raises(ValueError, match="worse.json: no 'hardware'"):
        reproduce_table.measured()


# Glossary


def terms() -> dict[str, str]:
    """Return the definition of every term of the glossary, in its order."""
    found: dict[str, str] = {}
    waiting: list[str] = []
    for line in blocks(page("glossary"), r"\{glossary\}")[0].splitlines():
        if line and not line.startswith(" "):
            waiting = [*waiting, line] if waiting and not found.get(waiting[-1]) else [line]
            assert line not in found, f"{line}: twice"
            found[line] = ""
        elif line:
            for term in waiting:
                found[term] += f"{line.strip()} "
    return found


def test_terms_are_in_order_short_and_lead_to_their_chapter() -> None:
    entries = blocks(page("glossary"), r"\{glossary\}")[0].split("\n\n")
    first = [entry.splitlines()[0].lower() for entry in entries]
    assert [pair for pair in pairwise(first) if pair[0] >= pair[1]] == []
    for term, text in terms().items():
        assert re.search(r"→ (\[chapter \d+\]\(\S+\)|chapter \d+) $", text), f"{term}: where is it explained?"
        assert len(text.split()) <= 60, f"{term}: a sentence or two"


def test_every_term_that_is_used_is_defined() -> None:
    defined = set(terms())
    assert len(defined) > 80
    for name, text in written().items():
        for shown, target in re.findall(r"\{term\}`([^`<]*?)(?:\s*<([^>]*)>)?`", text):
            assert (target or shown) in defined, f"{name}: {target or shown}"


# References


def test_what_is_cited_is_listed_and_what_is_listed_is_cited() -> None:
    texts = written().values()
    keys = {key for text in texts for key in cited(text)} | {
        work.key for text in texts for work in linked(text)
    }
    assert keys == set(parse_file(BOOK / "references.bib").entries)


def test_works_of_the_same_authors_and_year_are_told_apart() -> None:
    style = loaded(BOOK / "_extensions" / "author_year.py")
    listed = style.List()
    entries = listed.sort(parse_file(BOOK / "references.bib").entries.values())
    labels = {entry.key: label for entry, label in zip(entries, listed.format_labels(entries), strict=True)}
    assert len(set(labels.values())) == len(labels)
    assert labels["wu2016bridging"] == "Wu et al., 2016a"
    assert labels["wu2016high"] == "Wu et al., 2016b"
    assert labels["wu2016wider"] == "Wu et al., 2016c"
    assert labels["yu2016multi"] == "Yu and Koltun, 2016"
    assert labels["girshick2015fast"] == "Girshick, 2015"
