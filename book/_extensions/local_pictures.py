"""A Sphinx extension that shows a chapter's pictures from the files beside it, and needs no network for them.

A chapter is also read where its pictures' files are not: on Colab a notebook stands alone. So it names a picture by the
address at which the repository's host serves it. Here that address becomes the file again.
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
    return f"{HOST}/{repository.split('github.com/')[-1].rstrip('/')}/{branch}/"


class LocalPictures(SphinxTransform):
    """Puts the file in the place of its address, before Sphinx looks for the pictures of a page."""

    default_priority = 5

    def apply(self, **kwargs: object) -> None:
        """Called by Sphinx."""
        options = self.config.html_theme_options
        begins = served(
            options.get("repository_url", ""), options.get("repository_branch", "")
        )
        for picture in self.document.findall(nodes.image):
            if picture["uri"].startswith(begins):
                picture["uri"] = "/" + picture["uri"].removeprefix(begins)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_transform(LocalPictures)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
