"""A view is plain HTML that needs nothing else, and every picture has a text for those who do not see it."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from bridgeseg.plots.slider import as_png, image_tag, picture_png, turned_by_a_slider
from bridgeseg.plots.style import STYLE
from bridgeseg.teaching import set_up


def opened(png: bytes) -> Image.Image:
    return Image.open(io.BytesIO(png))


def test_a_figure_becomes_a_small_png_of_its_own_size_and_is_closed() -> None:
    with plt.rc_context(STYLE):
        figure, ax = plt.subplots(figsize=(3, 2))
        ax.imshow(np.random.default_rng(0).random((20, 20)))
        png = as_png(figure, dpi=50)
    assert opened(png).size == (150, 100)
    assert opened(png).mode == "P"
    assert not plt.fignum_exists(figure.number)


def test_a_picture_comes_back_out_of_its_png() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(opened(picture_png(picture))), picture)


def test_a_picture_needs_a_text() -> None:
    assert 'alt="a &lt;b&gt; &quot;c&quot;"' in image_tag(b"x", 'a <b> "c"')
    with pytest.raises(ValueError, match="alt: empty"):
        image_tag(b"x", " ")


class Seen(HTMLParser):
    """The tags of some HTML with their attributes, and the text that stands in each kind of tag."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.within = ["page"]
        self.feed(html)
        assert self.within == ["page"], "every tag that is opened is closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in ("input", "img"):
            self.within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.within.pop() == tag

    def handle_data(self, text: str) -> None:
        if text.strip():
            self.texts.setdefault(self.within[-1], []).append(text.strip())

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_a_view_is_one_named_slider_and_its_frames_of_which_one_is_shown() -> None:
    frames = [picture_png(np.full((2, 3, 3), shade, np.uint8)) for shade in (0, 100, 200)]
    view = turned_by_a_slider("<name>", ["a", "b & b", '"c"'], frames, ["first", "second", "third"], start=1)
    html = view._repr_html_()
    seen = Seen(html)
    (slider,) = seen.of("input")
    assert {name: slider[name] for name in ("type", "min", "max", "value", "aria-valuetext")} == {
        "type": "range",
        "min": "0",
        "max": "2",
        "value": "1",
        "aria-valuetext": "b & b",
    }
    assert seen.texts == {"label": ["<name>"], "b": ["a", "b & b", '"c"']}
    shown = [
        "display: none" not in (div.get("style") or "") for div in seen.of("div") if "frame" in div["class"]
    ]
    assert shown == [False, True, False]
    pictures = [picture["src"].partition("base64,")[2] for picture in seen.of("img")]
    assert [base64.b64decode(picture) for picture in pictures] == frames
    assert [picture["alt"] for picture in seen.of("img")] == ["first", "second", "third"]


def test_a_view_needs_nothing_of_its_page_and_nothing_of_the_network() -> None:
    html = turned_by_a_slider("x", ["1"], [b"a"], ["a"])._repr_html_()
    seen = Seen(html)
    assert {tag for tag, _ in seen.tags} == {"div", "label", "input", "p", "b", "img"}
    assert not any("id" in attributes for _, attributes in seen.tags), "two views would have the same"
    assert "//" not in html
    assert "document" not in html, "the script finds its frames from the slider"


def test_what_a_cell_says_of_a_view_beside_its_html_is_short() -> None:
    assert len(repr(turned_by_a_slider("x", ["1"], [bytes(9999)], ["a"]))) < 80


@pytest.mark.parametrize("values, frames, alts", [([], [], []), (["1"], [b"a", b"b"], ["a", "b"])])
def test_as_many_frames_as_values(values: list[str], frames: list[bytes], alts: list[str]) -> None:
    with pytest.raises(ValueError, match="expected as many of each"):
        turned_by_a_slider("x", values, frames, alts)


@pytest.mark.parametrize("start", [-1, 2])
def test_a_view_starts_with_one_of_its_frames(start: int) -> None:
    with pytest.raises(ValueError, match=f"start: {start}, expected 0…1"):
        turned_by_a_slider("x", ["1", "2"], [b"a", b"b"], ["a", "b"], start)


def test_a_chapter_begins_with_its_seed_and_says_where_it_runs(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    import torch

    monkeypatch.setenv("BRIDGESEG_TIER", "fast")
    monkeypatch.setenv("BRIDGESEG_CACHE", str(tmp_path))
    monkeypatch.delenv("BRIDGESEG_DATA", raising=False)
    with plt.rc_context():
        set_up.begin(3)
        first = torch.rand(2)
        assert plt.rcParams["axes.titlelocation"] == "left"
        set_up.begin(3)
    assert torch.equal(first, torch.rand(2))
    said = capsys.readouterr()
    assert "tier      fast\nseed      3\npictures  none at hand" in said.out
    assert str(tmp_path) not in said.out
    assert said.err == ""
