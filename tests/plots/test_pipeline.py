"""Where a chapter stands, drawn: what is marked, that words stay in their boxes, and nothing on anything else."""

from itertools import combinations

import matplotlib.pyplot as plt
import pytest
from matplotlib.patches import Rectangle

from bridgeseg.plots.pipeline import ARROWS, PARTS, you_are_here

pytestmark = pytest.mark.usefixtures("drawing")


def test_every_part_has_its_place_and_an_arrow():
    assert {part for arrow in ARROWS for part in arrow} == set(PARTS)
    assert len(set(PARTS.values())) == len(PARTS)


def test_what_is_marked_is_dark_and_bold_and_nothing_else():
    figure = you_are_here("boxes", "votes")
    (ax,) = figure.axes
    filled = [patch for patch in ax.patches if sum(patch.get_facecolor()[:3]) < 2.5]
    words = {text.get_text(): text.get_fontweight() for text in ax.texts if text.get_text()}
    assert len(filled) == 2
    assert words == {part: "bold" if part in ("boxes", "votes") else "normal" for part in PARTS}


def test_words_stay_in_their_boxes_and_boxes_apart():
    figure = you_are_here(*PARTS)  # all bold, the widest
    figure.canvas.draw()
    (ax,) = figure.axes
    boxes = [patch.get_window_extent() for patch in ax.patches if isinstance(patch, Rectangle)]
    for text in (text for text in ax.texts if text.get_text()):
        word = text.get_window_extent()
        assert any(box.x0 < word.x0 and word.x1 < box.x1 and box.y0 < word.y0 < box.y1 for box in boxes)
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))
    assert all(figure.bbox.fully_contains(*corner) for box in boxes for corner in box.corners())


def test_words_are_large_enough_on_a_telephone():
    figure = you_are_here("labels")
    pixels = 343 / figure.get_size_inches()[0] / 72  # a point, on a page 375 pixels wide with a margin
    assert min(text.get_fontsize() for text in figure.axes[0].texts if text.get_text()) * pixels > 10


@pytest.mark.parametrize("parts", [(), ("boxes", "nowhere")])
def test_parts_that_do_not_exist_are_refused(parts):
    with pytest.raises(ValueError, match="nowhere|none"):
        you_are_here(*parts)
    assert not plt.get_fignums()
