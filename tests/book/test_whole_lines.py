"""What a cell prints stands on the page as it was printed, however the kernel cut it into pieces."""

from __future__ import annotations

from typing import Any

import pytest
from notebooks import BOOK
from pages import loaded

pytest.importorskip("myst_nb")
from nbformat.v4 import new_output  # noqa: E402


@pytest.fixture(scope="module")
def whole_lines() -> Any:
    return loaded(BOOK / "_extensions" / "whole_lines.py")


def printed(*pieces: tuple[str, str]) -> list[Any]:
    return [new_output("stream", name=name, text=text) for name, text in pieces]


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_text_is_the_same_wherever_it_was_cut(whole_lines: Any, cut: int) -> None:
    text = "one two\nthree\n"
    outputs = printed(("stdout", text[:cut]), ("stdout", text[cut:]))
    (merged,) = whole_lines.joined(outputs)
    assert merged["text"] == text
    assert outputs[0]["text"] == text[:cut]


def test_streams_stay_apart_and_a_bar_shows_its_last_state(whole_lines: Any) -> None:
    pieces = printed(("stdout", "half\r"), ("stderr", "oh"), ("stdout", "done\n"))
    shown = new_output("display_data", {"text/plain": "3"})
    merged = whole_lines.joined([pieces[0], shown, *pieces[1:]])
    assert {(output["output_type"], output.get("text")) for output in merged} == {
        ("stream", "done\n"),
        ("display_data", None),
        ("stream", "oh\n"),
    }


def test_the_build_uses_it(whole_lines: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from myst_nb.core import render

    monkeypatch.setattr(render, "coalesce_streams", whole_lines.coalesce_streams)
    whole_lines.setup(None)
    assert render.coalesce_streams is whole_lines.joined
