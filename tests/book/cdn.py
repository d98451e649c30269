"""What the pages load from a CDN, out of npm packages of the same versions: the real files, without a network.

An address `https://cdn.jsdelivr.net/npm/NAME@VERSION/PATH` says by itself which package holds the file. A package is
fetched once, with npm, and stays in the cache of the chapters.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from bridgeseg.machine.environment import cache_folder

ADDRESS = re.compile(
    r"https://cdn\.jsdelivr\.net/npm/(?P<name>(?:@[^/@]+/)?[^/@]+)@(?P<version>\d+\.\d+\.\d+)/(?P<path>[^?#]+)"
)
UNKNOWN = re.compile(
    r"\bcode (E404|ETARGET)\b"
)  # the registry answers that there is no such package or version
SECONDS = 180  # for npm to fetch a package of some megabytes


class NotToBeHad(Exception):
    """A package is neither in the cache nor to be fetched; the text says why."""


@cache
def package(name: str, version: str) -> dict[str, bytes]:
    """Return the files of an npm package by their paths.

    raises: NotToBeHad; LookupError where the registry says that there is no such package
    """
    archive = cache_folder() / "npm" / f"{name.replace('/', '-')}-{version}.tgz"
    if not archive.exists():
        _fetch(f"{name}@{version}", archive)
    with tarfile.open(archive) as opened:
        files = {member.name.partition("/")[2]: opened.extractfile(member) for member in opened}
        return {path: file.read() for path, file in files.items() if file}


def _fetch(asked: str, archive: Path) -> None:
    npm = shutil.which("npm")
    if not npm:
        raise NotToBeHad(f"{asked}: not in the cache, and no npm on the PATH to fetch it")
    archive.parent.mkdir(parents=True, exist_ok=True)
    # Beside its place, so that it is moved there whole: another process may be fetching it too.
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        command = [npm, "pack", asked, "--ignore-scripts", "--loglevel=error"]
        command += ["--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=2000"]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise NotToBeHad(f"npm pack {asked}: no answer within {SECONDS} s") from None
        packed = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(packed) != 1:
            lines = [line.removeprefix("npm error ") for line in done.stderr.splitlines()]
            said = f"npm pack {asked}: {'; '.join(line for line in lines if 'complete log' not in line)}"
            raise LookupError(said) if UNKNOWN.search(said) else NotToBeHad(said)
        os.replace(packed[0], archive)


class Cdn:
    """The packages that some addresses name, at hand.

    addresses: those that name no package are left out; asked for, they are not found
    raises: NotToBeHad
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        named = [match for address in addresses if (match := ADDRESS.fullmatch(address))]
        self.packages = {m.group("name", "version"): package(*m.group("name", "version")) for m in named}

    def file(self, address: str) -> bytes | None:
        """Return what stands at an address, or None where it is in none of the packages."""
        match = ADDRESS.match(address)
        return self.packages.get(match.group("name", "version"), {}).get(match["path"]) if match else None
