"""Runs a notebook in a kernel of its own, in a folder and an environment that the caller lays out."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path

import matplotlib
import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

OUT_OF_REACH = Path(__file__).parent / "out_of_reach"
LONGEST_CELL = 600  # seconds
OURS = "BRIDGESEG_"


def executed(notebook: Path, environment: dict[str, str], python: str = sys.executable) -> NotebookNode:
    """Return a notebook with its outputs, run in the folder that it stands in; the file stays as it is.

    environment: all of it, as `environment` makes it
    python: whose kernel runs it
    raises: nbclient.exceptions.CellExecutionError, which shows the cell and the error
    """
    read = nbformat.read(notebook, as_version=4)
    with tempfile.TemporaryDirectory() as specs:
        spec = Path(specs) / "its_own" / "kernel.json"
        spec.parent.mkdir()
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec.write_text(json.dumps({"argv": argv, "display_name": "its own", "language": "python"}))
        manager = AsyncKernelManager(
            kernel_name="its_own", kernel_spec_manager=KernelSpecManager(kernel_dirs=[specs])
        )
        resources = {"metadata": {"path": str(notebook.parent)}}
        NotebookClient(read, km=manager, timeout=LONGEST_CELL, resources=resources).execute(env=environment)
    return read


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return an environment without settings of ours, in which everything is kept in a folder."""
    home.mkdir(parents=True, exist_ok=True)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    kept.pop("PYTHONPATH", None)
    return kept | {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": matplotlib.get_cachedir(),  # its list of fonts takes long to make
        "BRIDGESEG_TIER": "fast",
        **more,
    }


def by_itself(home: Path, root: Path, path: list[Path], offline: bool) -> dict[str, str]:
    """Return an environment in which the repository, and on request the network, is out of reach.

    path: folders to import from, before what the interpreter has
    """
    return environment(
        home,
        PYTHONPATH=os.pathsep.join(map(str, [OUT_OF_REACH, *path])),
        BRIDGESEG_TEST_ROOT=str(root),
        BRIDGESEG_TEST_OFFLINE="1" if offline else "0",
    )


def printed(notebook: NotebookNode, stream: str = "stdout") -> str:
    """Return what the cells of an executed notebook printed."""
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return "".join(output["text"] for output in outputs if output.get("name") == stream)
