"""What a chapter's text looks like where no Sphinx is: rendered as plain Markdown, and nothing raw is seen.

Colab, JupyterLab, VS Code and GitHub all show CommonMark with tables and formulas between dollars. What only MyST
knows (directives, roles, labels, attributes, lists of definitions) they show as it was typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.dollarmath import dollarmath_plugin
from notebooks import BOOK, Cell, Chapter
from pages import loaded

BOXES = tuple(loaded(BOOK / "_extensions" / "bold_first_words.py").BOXES)
CODE, MATH = "\ue000", "\ue001"  # stand in the text where code and formulas do
SIGNS = {
    "code_inline": CODE,
    "math_inline": MATH,
    "math_inline_double": MATH,
    "softbreak": "\n",
    "hardbreak": "\n",
}
COMMENT = re.compile(r"(?s)<!--.*?-->")
# What is never meant to be read, and what it is. It is looked for in the text that a reader sees.
RAW = {
    r"(?m):::.*$": "a directive between colons",
    rf"\{{[\w:.+-]+\}}{CODE}": "a role",
    r"\{\{.*?\}\}": "a substitution",
    r"\{[#.%][^}]*\}|\{\w+=[^}]*\}": "attributes in braces",
    r"(?m)^\([\w -]+\)=\s*$": "a label for references",
    r"(?m)^:\s.*$": "a definition",
    r"(?m)^:[\w-]+:.*$": "an option of a directive",
    r"(?m)^%.*$": "a comment of MyST",
    r"(?m)^\+\+\+": "a break of MyST",
    r"\[\^[^\]]+\]": "a footnote",
    r"(?m)^\s*\[[ xX]\]\s": "a list of tasks",
    r"\*\*|__": "bold type that is none",
    r"(?<![\w*])\*(?=\w)|(?<=\w)\*(?![\w*])": "italic type that is none",
    r"\$+": "a formula that is none",
    r"`": "a backtick",
    r"\]\(|\]\[|!\[": "a link that is none",
    r"https?://\S+": "a bare address, a link on some pages only",
    r"(?m)^\s*\|.*$|^.*\|\s*$": "a table that is none",
    r"(?m)^#+\S.*$": "a heading that is none",
    r"<!--|-->": "a comment that is none",
}


def parser() -> MarkdownIt:
    """Return a plain CommonMark parser with tables and formulas between dollars, as Colab has it."""
    return MarkdownIt("commonmark").enable("table").use(dollarmath_plugin, allow_labels=False)


def problems(chapter: Chapter) -> Iterator[str]:
    """Yield what would be seen raw, a line each."""
    for cell in chapter.of("markdown"):
        yield from (f"cell {cell.name}: {problem}" for problem in raw(cell))


def raw(cell: Cell) -> Iterator[str]:
    """Yield what would be seen raw in a cell."""
    tokens = parser().parse(cell.source)
    for token in tokens:
        if token.type == "inline":
            yield from _shown(_text(token))
        elif token.type == "fence" and token.info.startswith("{"):
            yield f"shows raw: {token.info.split()[0]!r}, a directive between fences"
        elif token.type == "html_block" and (text := COMMENT.sub("", token.content).strip()):
            if token.content.startswith("<!--"):
                yield f"a comment at the beginning of a line ends the paragraph before {text[:40]!r}"
    yield from _boxes(tokens)


def _shown(text: str) -> Iterator[str]:
    for pattern, what in RAW.items():
        if found := re.search(pattern, text):
            shown = text[found.start() : found.start() + 40].replace(CODE, "`…`").replace(MATH, "$…$")
            yield f"shows raw: {shown!r}, {what}"


def _text(inline: Token) -> str:
    """The text that a reader sees, with one sign for each piece of code and each formula."""
    children = inline.children or []
    addresses = {place + 1 for place, token in enumerate(children) if token.info == "auto"}  # <https://a.org>
    return "".join(
        token.content if token.type == "text" and place not in addresses else SIGNS.get(token.type, "")
        for place, token in enumerate(children)
    )


def _boxes(tokens: list[Token]) -> Iterator[str]:
    """Every block quote is a box of the book, and says which."""
    for place, token in enumerate(tokens):
        if token.type != "blockquote_open":
            continue
        paragraph = tokens[place + 2] if tokens[place + 1].type == "paragraph_open" else None
        children = (paragraph.children if paragraph else None) or []
        first = [child for child in children if child.content or child.nesting]
        name = first[1].content if len(first) > 1 and first[0].type == "strong_open" else ""
        if name.removesuffix(".") not in BOXES or not name.endswith("."):
            known = ", ".join(f"**{box}.**" for box in BOXES)
            yield f"a block quote is a box and begins with one of {known}; this one with {name or 'none'!r}"
