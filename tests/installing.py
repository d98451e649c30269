"""What an installation of the package is made of, copied, since pip builds where the files lie; and pip, offline."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

FILES = ("pyproject.toml", "README.md", "LICENSE")
FOLDERS = ("bridgeseg", "book/results")


def copied_sources(root: Path, folder: Path) -> Path:
    """Copy what pip needs of a clone into a folder, and return the folder."""
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for name in FILES:
        shutil.copy(root / name, folder)
    for name in FOLDERS:
        shutil.copytree(root / name, folder / name, ignore=ignored, dirs_exist_ok=True)
    return folder


def built_wheel(sources: Path, target: Path) -> Path:
    """Build a wheel of sources, a folder or an archive, and return its file."""
    pip("wheel", "--no-build-isolation", "--wheel-dir", str(target), str(sources))
    (built,) = target.glob("bridgeseg-*.whl")
    return built


def pip(verb: str, *arguments: str, python: str = sys.executable) -> None:
    """Run pip without the network and without dependencies; where it fails, so does the test, with what it said.

    python: that of the environment which pip works on
    """
    command = [sys.executable, "-m", "pip", "--python", python, verb, "--quiet", "--no-deps", "--no-index"]
    ran = subprocess.run([*command, *arguments], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
