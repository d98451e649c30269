"""What a chapter's outputs depend on chooses the cache that they are kept in: package, results, tier, pictures."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from notebooks import BOOK
from pages import loaded

extension = loaded(BOOK / "_extensions" / "execution_key.py")


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a module, a stored result and a chapter."""
    for name, text in (
        ("bridgeseg/losses.py", "a = 1\n"),
        ("bridgeseg/checkpoints/scenes.pt", "weights"),
        ("book/results/scenes.json", "{}"),
        ("book/01_a.ipynb", "{}"),
        ("bridgeseg/__pycache__/losses.pyc", ""),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("BRIDGESEG_TIER", "fast")
    for name in extension.ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def edited(name: str, text: str = "changed") -> Callable[[Path, pytest.MonkeyPatch], object]:
    return lambda root, monkeypatch: (root / name).write_text(text)


def variable(name: str, value: str) -> Callable[[Path, pytest.MonkeyPatch], object]:
    return lambda root, monkeypatch: monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("change", "another"),
    [
        (edited("bridgeseg/losses.py", "a = 2\n"), True),
        (edited("bridgeseg/new.py"), True),
        (edited("bridgeseg/checkpoints/scenes.pt"), True),
        (edited("book/results/scenes.json"), True),
        (edited("book/results/new.json"), True),
        (lambda root, monkeypatch: (root / "bridgeseg/losses.py").rename(root / "bridgeseg/loss.py"), True),
        (lambda root, monkeypatch: (root / "bridgeseg/losses.py").unlink(), True),
        (variable("BRIDGESEG_TIER", "full"), True),
        (variable("BRIDGESEG_DATA", "/somewhere"), True),
        (variable("BRIDGESEG_WEIGHTS", "/somewhere"), True),
        (lambda root, monkeypatch: monkeypatch.setattr(extension, "version", lambda name: "0"), True),
        (edited("book/01_a.ipynb"), False),  # its cells are the cache's own key
        (edited("bridgeseg/__pycache__/losses.pyc"), False),
        (lambda root, monkeypatch: os.utime(root / "bridgeseg/losses.py", (1, 1)), False),
    ],
)
def test_the_key_is_another_when_outputs_may_be(
    change: Callable[[Path, pytest.MonkeyPatch], object],
    another: bool,
    small: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = extension.execution_key(small)
    assert before == extension.execution_key(small)
    change(small, monkeypatch)
    assert (extension.execution_key(small) != before) == another


def test_each_tier_has_a_cache_and_the_last_few_are_kept(
    small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = SimpleNamespace(outdir=small / "_build" / "html", srcdir=small)
    chosen: list[Path] = []
    for number, tier in enumerate(["fast", "full"] * 3):
        monkeypatch.setenv("BRIDGESEG_TIER", tier)
        (small / "bridgeseg" / "losses.py").write_text(f"a = {number // 2}\n")
        config: dict[str, str] = {}
        extension.choose_cache(app, config)
        chosen.append(Path(config["nb_execution_cache_path"]))
        assert chosen[-1].name.startswith(f"{tier}-")
        os.utime(chosen[-1], (1000 + number, 1000 + number))
    assert len(set(chosen)) == 6
    assert [path.exists() for path in chosen] == [False] * 2 + [True] * extension.KEPT_FOLDERS
    assert all(path.parent == small / "_build" / ".jupyter_cache" for path in chosen)
    (small / "bridgeseg" / "losses.py").write_text("a = 2\n")
    extension.choose_cache(app, config)
    assert Path(config["nb_execution_cache_path"]) == chosen[-1], "going back runs nothing again"
