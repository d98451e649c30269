"""Runs a notebook in a kernel of its own, in a folder and an environment that the caller lays out.

`python tests/book/chapter_runs.py NOTEBOOK…` runs each alone in a new folder, with the Python that runs this and
without the real pictures, and says how it went. It needs nbclient and the packages of the chapters, and nothing else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib.font_manager  # makes its list of fonts, which a kernel would give a warning of
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import run_sync
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

OUT_OF_REACH = Path(__file__).parent / "out_of_reach"
ROOT = Path(__file__).resolve().parents[2]
LONGEST_CELL = 600  # seconds
OURS = "BRIDGESEG_"


def executed(
    notebook: Path, environment: dict[str, str], python: str = sys.executable, to_the_end: bool = False
) -> NotebookNode:
    """Return a notebook with its outputs, run in the folder that it stands in; the file stays as it is.

    environment: all of it, as `environment` makes it
    python: whose kernel runs it
    to_the_end: also over cells that raise, whose errors are then among their outputs
    raises: nbclient.exceptions.CellExecutionError, which shows the cell and the error
    """
    read = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as specs:
        spec = Path(specs) / "its_own" / "kernel.json"
        spec.parent.mkdir()
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "its own", "language": "python"}))
        manager = AsyncKernelManager(
            kernel_name="its_own",
            kernel_spec_manager=KernelSpecManager(kernel_dirs=[specs]),
            # Sockets in the folder: a port that was free may be another's before the kernel takes it.
            transport="ipc" if os.name == "posix" else "tcp",
            connection_file=str(Path(specs) / "kernel.json"),
        )
        client = NotebookClient(
            read,
            km=manager,
            timeout=LONGEST_CELL,
            allow_errors=to_the_end,
            # By default outputs that come four seconds late are dropped, and nothing is said of it.
            startup_timeout=LONGEST_CELL,
            iopub_timeout=LONGEST_CELL,
            raise_on_iopub_timeout=True,
            resources={"metadata": {"path": str(notebook.parent)}},
        )
        try:
            client.execute(env=environment)
        finally:  # the client leaves running a kernel whose manager it was given
            run_sync(manager.shutdown_kernel)(now=True)
    return read


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment without settings of ours, in which everything is kept in a folder."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    kept.pop("PYTHONPATH", None)
    return (
        kept
        | {
            "HOME": str(home),
            "XDG_CACHE_HOME": str(home / "cache"),
            "IPYTHONDIR": str(home / "ipython"),
            "MPLCONFIGDIR": matplotlib.get_cachedir(),  # its list of fonts takes long to make
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # a kernel's debugger, which nobody uses, would warn at its start
            "BRIDGESEG_TIER": "fast",
            **more,
        }
    )


def by_itself(home: Path, root: Path, path: list[Path], offline: bool, **more: str) -> dict[str, str]:
    """Return an environment in which the repository, and on request the network, is out of reach.

    path: folders to import from, before what the interpreter has
    more: variables to set besides
    """
    return environment(
        home,
        **more,
        PYTHONPATH=os.pathsep.join(map(str, [OUT_OF_REACH, *path])),
        BRIDGESEG_TEST_ROOT=str(root),
        BRIDGESEG_TEST_OFFLINE="1" if offline else "0",
    )


def in_rotation(chapters: list[Path]) -> Path:
    """Return the chapter of the day of the last commit, so that a commit has one; without a clone, the first."""
    asked = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
    ran = subprocess.run(asked, capture_output=True, text=True) if shutil.which("git") else None
    seconds = int(ran.stdout) if ran and ran.returncode == 0 else 0
    return chapters[seconds // 86400 % len(chapters)]


def printed(notebook: NotebookNode, stream: str = "stdout") -> str:
    """Return what the cells of an executed notebook printed."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return "".join(output["text"] for output in outputs if output.get("name") == stream)


def unseen_figures(notebook: NotebookNode) -> Iterator[str]:
    """Yield each cell of an executed notebook with the tag `figure` that shows no picture."""
    for cell in notebook.cells:
        if "figure" in cell.metadata.get("tags", []):
            if not any("image/png" in output.get("data", {}) for output in cell.outputs):
                yield f"cell {cell.id}: a figure that is not shown"


def dead_views(notebook: NotebookNode) -> Iterator[str]:
    """Yield each interactive view of an executed notebook that shows nothing to move."""
    for cell in notebook.cells:
        if "widget" in cell.metadata.get("tags", []):
            shown = [output.get("data", {}) for output in cell.outputs]
            if "turned_by_a_slider" in cell.source:
                alive = any('<input type="range"' in data.get("text/html", "") for data in shown)
            else:  # computes, with ipywidgets
                alive = any("application/vnd.jupyter.widget-view+json" in data for data in shown)
            if not alive:
                yield f"cell {cell.id}: a view that shows no slider"


def alone(notebook: Path, home: Path) -> list[str]:
    """Run a notebook in a new folder below a home, without the real pictures; return what went wrong, a line each."""
    folder = home / notebook.stem
    folder.mkdir()
    try:
        done = executed(Path(shutil.copy(notebook, folder)), environment(home))
    except CellExecutionError as error:
        return [str(error)]
    return [*dead_views(done), *unseen_figures(done)]


def main(notebooks: list[Path]) -> int:
    """Run notebooks one after the other and say of each how it went; return how many did not go well."""
    failed = 0
    with tempfile.TemporaryDirectory() as home:
        for notebook in notebooks:
            start = time.monotonic()
            problems = alone(notebook, Path(home))
            failed += bool(problems)
            how = "FAILED" if problems else "runs from the first cell to the last"
            print(
                f"{notebook.stem}: {how}, {time.monotonic() - start:.0f} s", *problems, sep="\n", flush=True
            )
    return failed


if __name__ == "__main__":
    sys.exit(main([Path(name) for name in sys.argv[1:]]))
