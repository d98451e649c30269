"""The repository's address: read from _config.yml, and written wherever else it has to stand.

`python tests/book/repository_address.py --write` (`make address`) brings every other place up to date; without
`--write` it only says what differs. A test runs the latter.

What a chapter points to are such places too: on Colab a notebook stands alone. Write `images/name.png` for a picture
and `page.md` for a page, and this makes the addresses of them at which the one is served and the other is published; in
the book, `book/_extensions/own_addresses.py` takes what lies there.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

import yaml

# Where the address is repeated, since these files are read where _config.yml is not.
REPEATED_IN = ("README.md", "CITATION.cff", "pyproject.toml", "book/*.ipynb", "book/*.md")
RAW = "https://raw.githubusercontent.com"
# In a chapter: what a picture is, its address, and the end of it.
PICTURE = re.compile(r"(!\[[^\]]*\]\()([^)\s]+)(\))")
PAGE = re.compile(r"(?<=\]\()(?!\w+:)([\w./-]+)\.(?:md|ipynb)(?=[)#])")
HOSTED = re.compile(r"https?://(?:raw\.)?github(?:usercontent)?\.com/([\w.-]+)/([\w.-]+?)(?:\.git)?/?$")


class Address(NamedTuple):
    """An owner and a name, as they stand in links."""

    owner: str
    name: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Return the address in a url such as https://github.com/owner/name."""
        found = HOSTED.fullmatch(url.strip())
        if not found:
            raise ValueError(f"{url!r} is no address such as https://github.com/owner/name")
        return cls(*found.groups())

    @property
    def repository(self) -> str:
        """What follows the host in a link to the repository, or to a chapter on Colab."""
        return f"{self.owner}/{self.name}"

    @property
    def pages(self) -> str:
        """Where the built book is published."""
        return f"{self.owner}.github.io/{self.name}"


def configured(root: Path) -> Address:
    """Return the address that _config.yml names."""
    return Address.of(yaml.safe_load((root / "_config.yml").read_text("utf8"))["repository"]["url"])


def repeated(root: Path) -> Address:
    """Return the address that the other files were last written with."""
    found = re.search(r'^Repository = "(.+)"$', (root / "pyproject.toml").read_text("utf8"), re.MULTILINE)
    if not found:
        raise ValueError("pyproject.toml: no line 'Repository = \"…\"' under [project.urls]")
    return Address.of(found.group(1))


def served(root: Path, path: str = "") -> str:
    """Return the address at which a file of the repository, on the branch that is published, can be seen."""
    branch = yaml.safe_load((root / "_config.yml").read_text("utf8"))["repository"]["branch"]
    return f"{RAW}/{configured(root).repository}/{branch}/{path}"


def with_addresses(text: str, root: Path, folder: str) -> str:
    """Return the text of a chapter with the address of each picture and page that it names by its file.

    folder: the chapter's, in the repository, as in "book/"
    """
    begins, pages = served(root, folder), f"https://{configured(root).pages}/{folder}"

    def named(found: re.Match[str]) -> str:
        before, target, after = found.groups()
        return before + (target if re.match(r"\w+:", target) else begins + target) + after

    return PAGE.sub(rf"{pages}\1.html", PICTURE.sub(named, text))


def rewritten(text: str, old: Address, new: Address) -> str:
    """Return the text with one address in the place of another."""
    text = re.sub(rf"(?<![\w.-]){re.escape(old.pages)}(?![\w-])", new.pages, text)
    return re.sub(rf"(?<=/){re.escape(old.repository)}(?![\w-])", new.repository, text)


def files(root: Path) -> list[Path]:
    """Return the files that may repeat the address."""
    return sorted(path for pattern in REPEATED_IN for path in root.glob(pattern))


def differing(root: Path, write: bool = False) -> list[Path]:
    """Return the files whose address is not the configured one, and set it there when asked to."""
    old, new = repeated(root), configured(root)
    found = []
    for path in files(root):
        text = path.read_text("utf8")
        wanted = rewritten(text, old, new)
        if path.suffix == ".ipynb":
            wanted = with_addresses(wanted, root, f"{path.parent.relative_to(root)}/")
        if wanted != text:
            found.append(path)
            if write:
                path.write_text(wanted, "utf8")
    return found


if __name__ == "__main__":
    write = "--write" in sys.argv[1:]
    changed = differing(Path(__file__).resolve().parents[2], write)
    for path in changed:
        print(f"{path}: {'written' if write else 'another address than _config.yml'}")
    sys.exit(bool(changed) and not write)
