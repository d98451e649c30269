"""A Sphinx extension that puts a line below the title of every chapter: where its student's edition opens, and a zip.

The editions stand on a branch of the repository, which `tests/book/editions.py` fills.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx

BRANCH = "editions"


def links(repository: str, colab: str, chapter: str) -> dict[str, str]:
    """Return the addresses below a title, by what they are called.

    repository: https://github.com/owner/name
    colab: where Colab opens
    chapter: the file's name, without its ending
    """
    whose = repository.split("github.com/")[-1].rstrip("/")
    opened = f"{colab}/github/{whose}/blob/{BRANCH}/student"
    return {
        "Student's edition on Colab": f"{opened}/{chapter}.ipynb",
        "All chapters for students and teachers (zip)": f"https://github.com/{whose}/archive/refs/heads/{BRANCH}.zip",
    }


def add_links(app: Sphinx, doctree: nodes.document) -> None:
    """Put the line into a chapter that was read."""
    source = app.env.doc2path(app.env.docname)
    title = next(doctree.findall(nodes.title), None)
    if not str(source).endswith(".ipynb") or title is None:
        return
    options = app.config.html_theme_options
    address = options.get("repository_url", "")
    colab = options.get("launch_buttons", {}).get("colab_url", "")
    line = nodes.paragraph(classes=["editions"])
    for name, target in links(
        address, colab, app.env.docname.rpartition("/")[2]
    ).items():
        line += [nodes.Text(" · ")] if line.children else []
        line += nodes.reference("", name, refuri=target, internal=False)
    title.parent.insert(title.parent.index(title) + 1, line)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("doctree-read", add_links)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
