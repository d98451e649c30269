"""A chapter's text is seen alike wherever it is read, and the check of it sees each kind of thing that is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from chapter_markdown import problems, raw
from notebooks import Cell, Chapter, each_chapter, none_of
from small_chapter import broken, in_cell


@each_chapter
def test_nothing_of_a_chapter_is_seen_raw(path: Path) -> None:
    none_of(problems(Chapter(path)))


def test_nothing_is_seen_in_what_is_whole(tmp_path: Path) -> None:
    none_of(problems(broken(lambda made: None, tmp_path)))


def seen(text: str) -> list[str]:
    """Return what the check says of a text."""
    return list(raw(Cell({"cell_type": "markdown", "id": "a", "source": text, "metadata": {}}, 0)))


@pytest.mark.parametrize(
    "text",
    [
        "# A title\n\n**Bold**, *italic*, `{cite}` as code, AP$^r$ and $|a \\cap b|$, 50% and 2 * 3.",
        "$$\\mathrm{IoU}(a, b) = \\frac{|a|}{|b|}$$\n\nwhere $|\\cdot|$ is an area.",
        "| a | b |\n|---|---|\n| `x` **S** | $y_0$, **?** |",
        "> **Predict.** How *many*?\n>\n> - one\n> - two\n>\n> | a | b |\n> |---|---|\n> | 1 | 2 |",
        "> **What this chapter gives you.**\n>\n> **Time** <!-- time -->a minute<!-- /time -->.",
        "```python\nx = {'a': 1}  # {cite}`b`, :::, **\n```",
        "![A picture](images/a.png) [A link](https://a.org/b_(c)) <https://a.org>",
        "<details><summary>Words</summary>\n\nMore.\n\n</details>",
        "<!-- a remark -->\n\n1. one: two\n2. (three)=3",
    ],
)
def test_what_is_shown_everywhere_is_let_through(text: str) -> None:
    assert seen(text) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (":::{admonition} Predict\nHow many?\n:::", "a directive between colons"),
        ("Words.\n:::", "a directive between colons"),
        ("::::{grid} 2\n::::", "a directive between colons"),
        ("```{note}\nWords.\n```", "'{note}', a directive between fences"),
        ("```{eval-rst}\n.. note:: Words\n```", "'{eval-rst}', a directive between fences"),
        ("> ~~~{math} a\n> b\n> ~~~", "'{math}', a directive between fences"),
        ("As {cite}`wu2016bridging` says.", "a role"),
        ("As {cite:t}`wu2016bridging` says.", "a role"),
        ("| a |\n|---|\n| {term}`IoU` |", "a role"),
        ("Made by {{ author }}.", "a substitution"),
        ("## Words {#words}", "attributes in braces"),
        ("[Words]{.green} and more", "attributes in braces"),
        ("![A picture](a.png){width=200px}", "attributes in braces"),
        ("(words)=\n## Words", "a label for references"),
        ("IoU\n: How well two boxes agree.", "a definition"),
        (":class: tip", "an option of a directive"),
        ("% a remark", "a comment of MyST"),
        ("Words.\n\n+++\n\nMore.", "a break of MyST"),
        ("Words.[^1]", "a footnote"),
        ("- [ ] to do", "a list of tasks"),
        ("**Bold **words**", "bold type that is none"),
        ("__Bold __ words", "bold type that is none"),
        ("Very *italic", "italic type that is none"),
        ("$$a = b", "a formula that is none"),
        ("It costs $5.", "a formula that is none"),
        ("| a | b |\n|---|---|\n| 1 | $|y|$ |", "a formula that is none"),
        ("A `name", "a backtick"),
        ("[A link](no where)", "a link that is none"),
        ("[A link][nowhere]", "a link that is none"),
        ("See https://a.org for more.", "a bare address"),
        ("| a | b |\n| 1 | 2 |", "a table that is none"),
        ("> | a | b |\n> | 1 | 2 |", "a table that is none"),
        ("##Words", "a heading that is none"),
        ("Words --> more", "a comment that is none"),
        ("It takes\n<!-- time -->a minute<!-- /time --> **in all**.", "a comment at the beginning of a line"),
        ("> **Predicts.** How many?", "begins with one of **What this chapter gives you.**"),
        ("> **Predict** How many?", "this one with 'Predict'"),
        ("> Predict. How many?", "this one with 'none'"),
        ("> - **Predict.** How many?", "this one with 'none'"),
    ],
)
def test_what_is_seen_raw_is_seen(text: str, said: str) -> None:
    assert any(said in problem for problem in seen(text)), seen(text)


def test_the_check_names_the_cell(tmp_path: Path) -> None:
    found = list(problems(broken(in_cell("see", "Here", "{cite}`a` Here"), tmp_path)))
    assert found == ["cell see: shows raw: '{cite}`…` Here it is written out: the ques', a role"]
