"""A Sphinx extension that makes boxes and captions of plain Markdown, told by its bold first words.

A chapter is also read on Colab, in JupyterLab, in VS Code and on GitHub, which know neither boxes nor the captions in a
cell's metadata. So a box is written as a block quote, `> **Predict.** How many?`, and a caption as a cell of text below
its figure, `**Figure.** What to see.` Here they become the book's, on the pages that are made from notebooks.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

# The first words of a box, its title in the book, and the box's classes: its colour, and whether it is folded.
BOXES = {
    "What this chapter gives you": ("tip",),
    "The paper behind this chapter": ("note",),
    "Predict": ("important",),
    "Hint": ("tip", "dropdown"),
}
CAPTION = "Figure"


def parted(paragraph: nodes.Node) -> tuple[str, list[nodes.Node]]:
    """Return the bold words that a paragraph begins with, without their full stop, and what follows them.

    Without such words, or without the full stop, they are "".
    """
    if not isinstance(paragraph, nodes.paragraph):
        return "", []
    bold, *rest = [
        child
        for child in paragraph
        if child.astext() or not isinstance(child, nodes.Text)
    ] or [None]
    if not isinstance(bold, nodes.strong) or not bold.astext().endswith("."):
        return "", []
    if rest and isinstance(rest[0], nodes.Text):
        rest[0] = nodes.Text(rest[0].lstrip())
    return bold.astext()[:-1], rest


def box(quote: nodes.block_quote) -> nodes.admonition | None:
    """Return the box that a block quote stands for, or None where it is no box."""
    first, *others = quote.children or [None]
    title, rest = parted(first)
    if title not in BOXES:
        return None
    made = nodes.admonition("", nodes.title("", title), classes=[*BOXES[title]])
    made.source, made.line = quote.source, quote.line
    if rest:
        made += nodes.paragraph("", "", *rest)
    made += others
    return made


def picture_of(cell: nodes.Node) -> nodes.Element | None:
    """Return the last picture that a cell of code shows, in all its formats."""
    if not isinstance(cell, nodes.container) or cell.get("nb_element") != "cell_code":
        return None
    shown = [
        output
        for output in cell.findall(nodes.container)
        if output.get("nb_element") == "mime_bundle"
        and next(output.findall(nodes.image), None)
    ]
    return shown[-1] if shown else None


def put_below(picture: nodes.Element, caption: nodes.caption) -> None:
    """Make a picture a figure with this caption, in the place of another."""
    figure = picture.parent
    if not isinstance(figure, nodes.figure):
        figure = nodes.figure()
        figure.source, figure.line = caption.source, caption.line
        picture.replace_self(figure)
        figure += picture
    for other in [
        child for child in figure if isinstance(child, nodes.caption | nodes.legend)
    ]:
        figure.remove(other)
    figure += caption


class BoldFirstWords(SphinxTransform):
    """Puts boxes in the place of block quotes, and moves captions into their figures."""

    default_priority = 5  # before a figure is given its number

    def apply(self, **kwargs: object) -> None:
        """Called by Sphinx."""
        if not self.env.doc2path(self.env.docname).endswith(".ipynb"):
            return
        for quote in list(self.document.findall(nodes.block_quote)):
            if (made := box(quote)) is not None:
                quote.replace_self(made)
        for paragraph in list(self.document.findall(nodes.paragraph)):
            word, said = parted(paragraph)
            place = paragraph.parent.index(paragraph)
            picture = (
                picture_of(paragraph.parent[place - 1])
                if word == CAPTION and place
                else None
            )
            if picture is not None:
                caption = nodes.caption("", "", *said)
                caption.source, caption.line = paragraph.source, paragraph.line
                put_below(picture, caption)
                paragraph.parent.remove(paragraph)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_transform(BoldFirstWords)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
