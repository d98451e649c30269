"""An environment like Colab's: its own notebook packages, from the package index; torch and the others from here.

Colab's packages are fetched once, with pip, and stay in the cache of the chapters. In the environment they stand before
those of this one, which are linked: all that torch and Colab's packages need, and nothing else.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import Distribution, distribution, distributions
from pathlib import Path

from cdn import NotToBeHad
from colab_list import pinned
from packaging.requirements import Requirement

from bridgeseg.machine.environment import cache_folder

LINKED = ("torch", "torchvision", "numpy", "pip", "setuptools")
SECONDS = 300  # for pip to fetch some 15 megabytes
# The index has the package, names its versions, and ours is not among them.
UNKNOWN = re.compile(r"from versions: (?!none)")
UNREACHED = "connection broken"


def fetched(versions: dict[str, str]) -> Path:
    """Return a folder with packages of these versions, and without what they need: from the cache, or fetched.

    raises: NotToBeHad where there is no index to be reached; LookupError where it has no such version
    """
    asked = pinned(versions)
    key = hashlib.sha256(" ".join([sys.implementation.cache_tag, *asked]).encode()).hexdigest()[:12]
    folder = cache_folder() / "colab" / key
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        # Beside its place, so that it is moved there whole: another process may be fetching it too.
        with tempfile.TemporaryDirectory(dir=folder.parent) as made:
            packages = Path(made) / "packages"
            _install(asked, packages)
            try:
                packages.rename(folder)
            except OSError:
                if not folder.exists():
                    raise
    return folder


def _install(asked: list[str], folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--target", str(folder), "--no-deps", *asked]
    command += ["--quiet", "--only-binary=:all:", "--retries=1", "--timeout=20", "--no-warn-conflicts"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise NotToBeHad(f"pip install {' '.join(asked)}: no answer within {SECONDS} s") from None
    if done.returncode:
        said = f"pip install: {done.stderr.strip()}"
        unknown = UNKNOWN.search(said) and UNREACHED not in said
        raise LookupError(said) if unknown else NotToBeHad(said)


def made(folder: Path, names: tuple[str, ...], first: Path | None = None) -> Path:
    """Make an environment in a folder and return its Python.

    names: distributions of this environment to link, with all that they need
    first: a folder with packages; they, and what they need, are in the environment too, and hide those from here
    """
    venv.create(folder, with_pip=False, symlinks=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    own = {_normal(held.name): held for held in distributions(path=[str(first)])} if first else {}
    for name in with_what_they_need((*own, *names), own):
        held = own.get(name) or distribution(name)
        for top in {file.parts[0] for file in held.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            place, link = Path(str(held.locate_file(top))), packages / top
            if place.exists() and not link.exists():
                link.symlink_to(place)
    return folder / "bin" / "python"


def with_what_they_need(names: tuple[str, ...], own: dict[str, Distribution]) -> list[str]:
    """Return the names of distributions and of all that they need, here and now; those of `own` come first."""
    found: set[tuple[str, str]] = set()  # with an extra of it, or none
    waiting = [(name, "") for name in names]
    while waiting:
        name, extra = waiting.pop()
        name = _normal(name)
        if (name, extra) not in found:
            found.add((name, extra))
            needs = [Requirement(text) for text in (own.get(name) or distribution(name)).requires or []]
            needed = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
            waiting += [(need.name, more) for need in needed for more in ("", *need.extras)]
    return sorted({name for name, _ in found}, key=lambda name: (name not in own, name))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
