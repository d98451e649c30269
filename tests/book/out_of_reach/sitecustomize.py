"""Python runs this first where its folder is on PYTHONPATH: it keeps the repository, and the network, out of reach.

BRIDGESEG_TEST_ROOT     the repository: no file of it is opened, and what pip installed as a link to it is not found
BRIDGESEG_TEST_OFFLINE  1: nothing is looked up and nothing connected to, this machine aside
"""

from __future__ import annotations

import os
import sys

ROOT = os.environ.get("BRIDGESEG_TEST_ROOT", "")
OFFLINE = os.environ.get("BRIDGESEG_TEST_OFFLINE") == "1"
OF_THIS_MACHINE = ("127.", "::1", "localhost")
# The interpreter's own folders may stand in the repository: .venv.
OPEN = tuple(os.path.realpath(folder) + os.sep for folder in (sys.prefix, os.path.dirname(__file__)))


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if ROOT and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path = os.path.realpath(os.fsdecode(arguments[0]))
        if path.startswith(ROOT + os.sep) and not path.startswith(OPEN):
            raise PermissionError(f"{path}: the repository is out of reach, the notebook runs by itself")
    if OFFLINE and event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.connect"):
        host = arguments[1] if event == "socket.connect" else arguments[0]
        host = host[0] if isinstance(host, tuple) else host
        if host and not os.fsdecode(host).startswith((*OF_THIS_MACHINE, "/", "\0")):  # a path: a local socket
            raise ConnectionRefusedError(f"{os.fsdecode(host)}: there is no network, for this test")


sys.addaudithook(_watch)
sys.meta_path[:] = [
    finder for finder in sys.meta_path if "__editable__" not in getattr(finder, "__module__", "")
]
