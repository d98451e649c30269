"""A Sphinx extension that shows pictures from their files and links pages of the book, though they are named by address.

A chapter is also read where nothing lies beside it: on Colab a notebook stands alone. So it names a picture by the
address at which the repository's host serves it, and a page by the address at which it is published. Here the one
becomes the file again and the other a link within the book, which needs no network for them.
"""

from __future__ import annotations

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

HOST = "https://raw.githubusercontent.com"


def served(repository: str, branch: str) -> str:
    """Return what the addresses of a repository's files begin with.

    repository: https://github.com/owner/name
    branch: whose files
    """
    return f"{HOST}/{_name(repository)}/{branch}/"


def published(repository: str) -> str:
    """Return what the addresses of the book's pages begin with.

    repository: https://github.com/owner/name
    """
    owner, _, name = _name(repository).partition("/")
    return f"https://{owner}.github.io/{name}/"


def _name(repository: str) -> str:
    return repository.split("github.com/")[-1].rstrip("/")


class OwnAddresses(SphinxTransform):
    """Puts files and pages in the place of their addresses, before Sphinx looks for what a page shows."""

    default_priority = 5

    def apply(self, **kwargs: object) -> None:
        """Called by Sphinx."""
        options = self.config.html_theme_options
        repository = options.get("repository_url", "")
        files = served(repository, options.get("repository_branch", ""))
        for picture in self.document.findall(nodes.image):
            if picture["uri"].startswith(files):
                picture["uri"] = "/" + picture["uri"].removeprefix(files)
        pages = published(repository)
        for link in self.document.findall(nodes.reference):
            page, _, place = (
                link.get("refuri", "").removeprefix(pages).partition(".html")
            )
            if link.get("refuri", "").startswith(pages) and page in self.env.found_docs:
                here = self.app.builder.get_relative_uri(self.env.docname, page)
                link["refuri"], link["internal"] = here + place, True


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_transform(OwnAddresses)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
