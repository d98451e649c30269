"""A slider's frames are linked in the browser alone, and every picture has a text for those who do not see it."""

from __future__ import annotations

import io

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


def test_the_slider_is_linked_to_both_stacks_in_the_browser() -> None:
    widgets = pytest.importorskip("ipywidgets")
    box = turned_by_a_slider("threshold", ["0.1", "0.2"], [b"a", b"b"], ["first", "second"], start=1)
    (slider, label), frames = box.children[0].children, box.children[1]
    assert (slider.min, slider.max, slider.value, slider.description) == (0, 1, 1, "threshold")
    assert [stack.selected_index for stack in (label, frames)] == [1, 1]
    assert [frame.value.count("<img") for frame in frames.children] == [1, 1]
    assert 'alt="second"' in frames.children[1].value
    from ipywidgets.widgets import widget

    linked = [link for link in widget._instances.values() if isinstance(link, widgets.widget_link.Link)]
    assert not any(isinstance(link, widgets.widget_link.DirectionalLink) for link in linked)
    ends = {(link.source, link.target) for link in linked}
    assert {((slider, "value"), (stack, "selected_index")) for stack in (label, frames)} <= ends


@pytest.mark.parametrize("values, frames, alts", [([], [], []), (["1"], [b"a", b"b"], ["a", "b"])])
def test_as_many_frames_as_values(values: list[str], frames: list[bytes], alts: list[str]) -> None:
    pytest.importorskip("ipywidgets")
    with pytest.raises(ValueError, match="expected as many of each"):
        turned_by_a_slider("x", values, frames, alts)


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
