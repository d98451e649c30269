"""A Sphinx extension that gives the execution cache a folder of its own for whatever the outputs depend on.

The cache asks only whether the code cells changed. What they print also depends on the package, on the stored
results, on the tier, on whether the real pictures are at hand and on the version of torch; all of that goes into
the folder's name. The folders used last are kept, so going back to an earlier state runs nothing again.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from importlib.metadata import version
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.config import Config

from bridgeseg.machine.environment import tier

KEPT_FOLDERS = 4
HASHED = ("bridgeseg/**/*", "book/results/**/*")
ENVIRONMENT = ("BRIDGESEG_DATA", "BRIDGESEG_WEIGHTS")


def execution_key(root: Path) -> str:
    """Return a short name for everything but the cells that the outputs of the chapters depend on."""
    digest = hashlib.sha256()
    for pattern in HASHED:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                digest.update(path.relative_to(root).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    for name in ENVIRONMENT:
        digest.update(f"{name}={os.environ.get(name, '')}\0".encode())
    for package in ("torch", "torchvision", "numpy", "matplotlib"):
        digest.update(f"{package}=={version(package)}\0".encode())
    return f"{tier()}-{digest.hexdigest()[:12]}"


def choose_cache(app: Sphinx, config: Config) -> None:
    """Point the execution cache at the folder of this key and forget the folders not used for long."""
    caches = Path(app.outdir).parent / ".jupyter_cache"
    chosen = caches / execution_key(Path(app.srcdir))
    chosen.mkdir(parents=True, exist_ok=True)
    os.utime(chosen)
    used_last = sorted(
        (path for path in caches.iterdir() if path.is_dir()),
        key=lambda p: -p.stat().st_mtime,
    )
    for folder in used_last[KEPT_FOLDERS:]:
        shutil.rmtree(folder, ignore_errors=True)
    config["nb_execution_cache_path"] = str(chosen)


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("config-inited", choose_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
