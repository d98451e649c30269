"""A Chromium without a window that reads a folder as a site, and what it loads from a CDN; it reaches nothing else."""

from __future__ import annotations

import mimetypes
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from cdn import Cdn

SITE = "https://book.test/"  # as pages are published: from an https address
SECONDS = 60  # for anything that is waited for; a page takes one or two
NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-sync",
    # Whatever is not served here has no address either.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)


def chromium_path() -> str | None:
    """Return the path of the system's Chromium, or None where it has none."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def launch(playwright: Any) -> Any:
    """Start the system's Chromium through Playwright."""
    return playwright.chromium.launch(executable_path=chromium_path(), args=list(FLAGS))


class Reader:
    """Opens pages of a folder and remembers what went wrong.

    said: errors in the console since a page was opened, each with the address that it is about
    unserved: addresses that a page asked for and that stand neither in the folder nor in the CDN's packages
    """

    def __init__(self, browser: Any, folder: Path, cdn: Cdn) -> None:
        self.folder, self.cdn = folder, cdn
        self.said: list[str] = []
        self.unserved: list[str] = []
        self.context = browser.new_context(service_workers="block")
        self.context.set_default_timeout(1000 * SECONDS)
        self.context.route("**/*", self._serve)
        self.page = self.context.new_page()
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))

    def open(self, path: str) -> None:
        """Open a page of the folder by its path, a query included."""
        self.page.goto("about:blank")  # so that nothing of the last page is noted for this one
        self.said.clear()
        self.unserved.clear()
        self.page.goto(SITE + path, wait_until="load")

    def close(self) -> None:
        """Close the page and forget what it stored."""
        self.context.close()

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.said.append(f"{message.text} ({message.location.get('url', '')})")

    def _serve(self, route: Any) -> None:
        address = route.request.url
        body = self._local(address) if address.startswith(SITE) else self.cdn.file(address)
        if body is None:
            self.unserved.append(address)
            route.abort()
            return
        kind = mimetypes.guess_type(urlsplit(address).path)[0]
        # As the CDN says it; without, scripts marked crossorigin would not run.
        route.fulfill(
            body=body, content_type=kind or "text/plain", headers={"Access-Control-Allow-Origin": "*"}
        )

    def _local(self, address: str) -> bytes | None:
        path = self.folder / unquote(urlsplit(address).path).lstrip("/")
        return path.read_bytes() if path.is_file() else None
