"""Runs what is promised to run elsewhere, each in a new environment.

oldest   the tests of the package on the oldest PyTorch that it promises
newest   the same on today's
colab    every chapter, whole, and its student's edition filled in, with the versions that Colab's list names
         (colab_list.py), on Colab's Python

    python3 tests/matrix.py                    all; some 6 GB of disk and ten minutes each
    python3 tests/matrix.py oldest             one of them
    python3 tests/matrix.py oldest -- -k boxes with arguments for pytest
    python3 tests/matrix.py colab --python /path/to/python3.13

The environments stand in .matrix and are kept, so that a second run is quick; `--anew` makes them again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from colab_list import COMPUTE, LISTED, NOTEBOOK, PYTHON, SOURCE, pinned
from installing import copied_sources

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".matrix"
TOOLS = [
    "numpy>=2.0",
    "matplotlib>=3.9",
    "scipy>=1.13",
    "pytest>=8.3",
    "pytest-xdist>=3.6",
    "pycocotools>=2.0.8",
    "pyyaml",
]
HELD = {
    "oldest": ["torch==2.11.*", "torchvision==0.26.*", *TOOLS],
    "newest": ["torch", "torchvision", *TOOLS],
    "colab": [*pinned(COMPUTE), *pinned(NOTEBOOK), "nbclient", "pytest"],  # pytest: editions.py imports it
}
# These need the book's tools, which stand in .venv.
WITHOUT = ["book", "test_repository.py", "test_rooms.py"]


def environment(name: str, base: str, anew: bool) -> Path:
    """Make an environment, or bring it up to date; return its Python."""
    folder = FOLDER / name
    if anew and folder.exists():
        shutil.rmtree(folder)
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([base, "-m", "venv", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--upgrade", *HELD[name]], check=True)
    if name != "colab":
        subprocess.run([*install, "--no-deps", "--editable", ROOT], check=True)
        return python
    # As pip installs it from the repository: no link to this clone. From a copy, since pip builds where the files lie.
    with tempfile.TemporaryDirectory() as copy:
        copied_sources(ROOT, Path(copy))
        subprocess.run([*install, "--no-deps", "--force-reinstall", copy], check=True)
    return python


def base_python(name: str, named: str | None) -> str:
    """Return the Python that an environment is made with: the one named, or this one; for Colab, its version.

    raises: SystemExit where there is none of that version
    """
    if name != "colab":
        return named or sys.executable
    wanted = ".".join(map(str, PYTHON))
    program = f"import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != {PYTHON})"
    for candidate in [named] if named else [sys.executable, f"python{wanted}"]:
        path = shutil.which(candidate)
        if path and subprocess.run([path, "-c", program], capture_output=True).returncode == 0:
            return path
    sys.exit(
        f"colab: {named or f'python{wanted} on the PATH'} is no Python {wanted} with venv; name one: --python"
    )


def versions(python: Path) -> str:
    """Return what the environment holds, in words."""
    program = (
        "import platform, numpy, torch, torchvision; "
        "print(f'Python {platform.python_version()}, torch {torch.__version__}, '"
        "f'torchvision {torchvision.__version__}, numpy {numpy.__version__}')"
    )
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test(python: Path, arguments: list[str]) -> int:
    """Run the tests of the package; return pytest's exit status."""
    left_out = [f"--ignore=tests/{name}" for name in WITHOUT]
    spread = ["-n", "2", "--dist", "loadscope"]
    command = [python, "-m", "pytest", "-q", *spread, *left_out, *(arguments or ["tests"])]
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode


def chapters(python: Path) -> int:
    """Run every chapter as on Colab, and every student's edition filled in; return how many fail.

    Each is alone in a folder, with the package installed. The teacher's edition has the chapter's own cells.
    """
    print(f"colab: the list of {LISTED} ({SOURCE})", *pinned(NOTEBOOK), *pinned(COMPUTE), flush=True)
    book = ROOT / "tests" / "book"
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, book / "editions.py", "fill", folder], check=True, capture_output=True)
        notebooks = sorted([*ROOT.glob("book/*.ipynb"), *Path(folder).glob("*.ipynb")], key=lambda p: p.name)
        return subprocess.run([python, book / "chapter_runs.py", *notebooks], cwd=FOLDER).returncode


def main() -> int:
    """Run what the command line asks for and say in a table how it went."""
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which of them (default: all)")
    parser.add_argument("--anew", action="store_true", help="make the environments again")
    parser.add_argument(
        "--python", help="the Python to make them with (default: this one; for colab, its version)"
    )
    asked = parser.parse_args(sys.argv[1:split])
    if unknown := set(asked.names) - set(HELD):
        parser.error(f"nothing called {', '.join(sorted(unknown))}; there are: {', '.join(HELD)}")
    names = asked.names or list(HELD)
    bases = {name: base_python(name, asked.python) for name in names}
    lines = []
    for name in names:
        python = environment(name, bases[name], asked.anew)
        held, start = versions(python), time.monotonic()
        status = chapters(python) if name == "colab" else test(python, sys.argv[split + 1 :])
        result = "passed" if status == 0 else f"FAILED ({status})"
        of = f", list of {LISTED}" if name == "colab" else ""
        lines.append(f"{name:8} {result:12} {time.monotonic() - start:5.0f} s  {held}{of}")
        print(lines[-1], flush=True)
    print("\n".join(["", *lines]))
    return int(any("FAILED" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
