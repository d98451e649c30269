"""What pages load from a CDN comes out of npm packages, fetched once; where there are none, the reason is told."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from cdn import Cdn, NotToBeHad, package

SHAPES = "https://cdn.jsdelivr.net/npm/@made/shapes@1.2.3"
SMALL = "https://cdn.jsdelivr.net/npm/small@0.1.0/small.js"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache, and nothing remembered, before and afterwards."""
    package.cache_clear()
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    package.cache_clear()


def stored(cache: Path, name: str, files: dict[str, bytes]) -> None:
    """Lay a package into the cache as npm packs it: all files in a folder that does not count."""
    (cache / "npm").mkdir(parents=True, exist_ok=True)
    with tarfile.open(cache / "npm" / name, "w:gz") as archive:
        for path, content in files.items():
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a shell script be the only npm."""
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")


def test_an_address_leads_into_the_package_of_its_version(cache: Path) -> None:
    stored(cache, "@made-shapes-1.2.3.tgz", {"dist/a.js": b"a"})
    cdn = Cdn({f"{SHAPES}/dist/a.js"})
    assert cdn.file(f"{SHAPES}/dist/a.js") == b"a"
    assert cdn.file(f"{SHAPES}/dist/a.js?v=1") == b"a"
    assert cdn.file(f"{SHAPES}/dist/b.js") is None
    assert cdn.file(SMALL) is None


@pytest.mark.parametrize("address", ["https://elsewhere.test/a.js", SMALL.replace("@0.1.0", "@0"), "../a.js"])
def test_an_address_without_an_exact_version_is_not_served(address: str) -> None:
    assert Cdn({address}).file(address) is None


def test_without_npm_the_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotToBeHad, match=r"small@0.1.0: not in the cache, and no npm on the PATH"):
        Cdn({SMALL})


def test_what_npm_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    npm(tmp_path, monkeypatch, "echo no route to the registry >&2; exit 1")
    with pytest.raises(NotToBeHad, match="npm pack small@0.1.0: no route to the registry"):
        Cdn({SMALL})


def test_a_version_that_does_not_exist_is_an_error_and_no_excuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm(tmp_path, monkeypatch, "echo npm error code ETARGET >&2; exit 1")
    with pytest.raises(LookupError, match="npm pack small@0.1.0: code ETARGET"):
        Cdn({SMALL})


def test_a_package_is_fetched_once(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored(cache, "ready.tgz", {"small.js": b"s"})
    npm(tmp_path, monkeypatch, f'echo "$@" >> {tmp_path}/asked; cp {cache}/npm/ready.tgz small-0.1.0.tgz')
    for _ in range(2):
        package.cache_clear()
        assert Cdn({SMALL}).file(SMALL) == b"s"
    (asked,) = (tmp_path / "asked").read_text().splitlines()
    assert asked.startswith("pack small@0.1.0 --ignore-scripts")
    assert [path.name for path in (cache / "npm").iterdir() if path.is_dir()] == []
