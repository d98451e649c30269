"""Runs the tests of the package on the oldest PyTorch that it promises and on today's, each in a new environment.

    python3 tests/matrix.py                    both; some 12 GB of disk and ten minutes a pair
    python3 tests/matrix.py oldest             one of them
    python3 tests/matrix.py -- -k boxes        with arguments for pytest

The environments stand in .matrix and are kept, so that a second run is quick; `--anew` makes them again.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / ".matrix"
PAIRS = {
    "oldest": ["torch==2.11.*", "torchvision==0.26.*"],
    "newest": ["torch", "torchvision"],
}
# These need the book's tools, which stand in .venv.
WITHOUT = ["book", "test_repository.py", "test_rooms.py"]


def environment(name: str, anew: bool) -> Path:
    """Make the environment of a pair, or bring it up to date; return its Python."""
    folder = FOLDER / name
    if anew and folder.exists():
        shutil.rmtree(folder)
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    tools = [
        "numpy>=2.0",
        "matplotlib>=3.9",
        "scipy>=1.13",
        "pytest>=8.3",
        "pytest-xdist>=3.6",
        "pycocotools>=2.0.8",
    ]
    subprocess.run([*install, "--upgrade", *PAIRS[name], *tools, "pyyaml"], check=True)
    subprocess.run([*install, "--no-deps", "--editable", ROOT], check=True)
    return python


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


def main() -> int:
    """Run what the command line asks for and say in a table how it went."""
    split = sys.argv.index("--") if "--" in sys.argv else len(sys.argv)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("pairs", nargs="*", metavar="PAIR", help="which pairs (default: both)")
    parser.add_argument("--anew", action="store_true", help="make the environments again")
    asked = parser.parse_args(sys.argv[1:split])
    if unknown := set(asked.pairs) - set(PAIRS):
        parser.error(f"no pair called {', '.join(sorted(unknown))}; there are: {', '.join(PAIRS)}")
    lines = []
    for name in asked.pairs or PAIRS:
        python = environment(name, asked.anew)
        held, start = versions(python), time.monotonic()
        status = test(python, sys.argv[split + 1 :])
        result = "passed" if status == 0 else f"FAILED ({status})"
        lines.append(f"{name:8} {result:12} {time.monotonic() - start:5.0f} s  {held}")
        print(lines[-1], flush=True)
    print("\n".join(["", *lines]))
    return int(any("FAILED" in line for line in lines))


if __name__ == "__main__":
    sys.exit(main())
