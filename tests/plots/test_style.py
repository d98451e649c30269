"""What is drawn lies where the labels say, in the colours that were asked for, and matplotlib stays as it was."""

import matplotlib
import numpy as np
import pytest
import torch
from matplotlib.collections import LineCollection
from rendering import cells, noise, rendered

from bridgeseg.data.palette import clear_palette, voc_palette
from bridgeseg.plots.label_maps import show_labels, show_picture
from bridgeseg.plots.overlays import (
    blend,
    instance_colours,
    outline,
    show_boxes,
    show_instances,
    show_masks,
    show_truth,
)
from bridgeseg.plots.style import STYLE, new_axes, panels, style
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample

pytestmark = pytest.mark.usefixtures("drawing")
RED = np.array([[255, 0, 0]], np.uint8)


def test_a_picture_lies_where_boxes_expect_it():
    picture = noise(6, 9)
    dots = rendered(lambda ax: show_picture(picture, ax), 6, 9)
    assert np.array_equal(cells(dots), picture)
    assert np.array_equal(dots[::10, ::10], picture), "the first pixel covers 0…1"


def test_grey_pictures_use_the_whole_range():
    whole = np.array([[0, 255, 128]], np.uint8)
    part = np.array([[0.0, 1.0, 0.5]])
    for picture in (whole, part):
        dots = cells(rendered(lambda ax, shown=picture: show_picture(shown, ax), 1, 3))
        assert dots[0, 0].tolist() == [0, 0, 0]
        assert dots[0, 1].tolist() == [255, 255, 255]
        assert np.abs(dots[0, 2].astype(int) - 128).max() <= 1
    # A picture that does not use its range is not stretched to it.
    dim = cells(rendered(lambda ax: show_picture(np.full((1, 3), 0.25), ax), 1, 3))
    assert np.abs(dim.astype(int) - 64).max() <= 1


@pytest.mark.parametrize(("palette", "colours"), [("voc", voc_palette()), ("clear", clear_palette())])
def test_labels_have_the_colours_of_their_palette(palette, colours):
    labels = np.array([[0, 1, 2], [20, 254, 255]], np.uint8)
    dots = rendered(lambda ax: show_labels(labels, ax, palette=palette), 2, 3)
    assert np.array_equal(cells(dots), colours[labels])


def test_more_instances_than_a_palette_has():
    labels = np.array([[0, 1, 254], [255, 256, 508]], np.int32)
    dots = rendered(lambda ax: show_labels(labels, ax, palette="clear"), 2, 3)
    assert np.array_equal(cells(dots), clear_palette()[[[0, 1, 254], [1, 2, 254]]])


def test_the_legend_names_the_labels_that_occur():
    ax = show_labels(np.array([[0, 2], [255, 2]], np.uint8), names=("background", "disc", "star"))
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["background", "star", "void"]


def test_blend_changes_the_masks_and_nothing_else():
    picture = noise(5, 7)
    masks = np.zeros((2, 5, 7), bool)
    masks[0, 1:3, 1:4] = True
    masks[1, 2:5, 3:6] = True
    colours = np.array([(255, 0, 0), (0, 0, 255)], np.uint8)
    mixed = blend(picture, masks, colours, 0.25)
    bare = ~masks.any(0)
    assert np.array_equal(mixed[bare], picture[bare])
    for number, covered in ((0, masks[0]), (1, masks[1] & ~masks[0])):
        expected = 0.75 * picture[covered] + 0.25 * colours[number]
        assert np.abs(mixed[covered] - expected).max() <= 0.5
    assert np.array_equal(blend(picture, masks, colours, 0.0), picture)
    assert np.array_equal(blend(picture, masks[:1], colours[:1], 1.0)[masks[0]], np.tile(colours[:1], (6, 1)))


def brute_outline(mask):
    """Return the unit edges between pixels of different kinds, one by one, as ((x, y), (x, y))."""
    height, width = mask.shape
    edges = set()
    for y in range(height):
        for x in range(width):
            if not mask[y, x]:
                continue
            for beside, edge in (
                ((y, x - 1), ((x, y), (x, y + 1))),
                ((y, x + 1), ((x + 1, y), (x + 1, y + 1))),
                ((y - 1, x), ((x, y), (x + 1, y))),
                ((y + 1, x), ((x, y + 1), (x + 1, y + 1))),
            ):
                inside = 0 <= beside[0] < height and 0 <= beside[1] < width
                if not (inside and mask[beside]):
                    edges.add(edge)
    return edges


@pytest.mark.parametrize("seed", range(6))
def test_the_outline_is_every_edge_once(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random((rng.integers(1, 9), rng.integers(1, 9))) < 0.6
    units = []
    for start, end in outline(mask).astype(int):
        assert (start != end).sum() == 1, "a line runs along one axis"
        step = np.sign(end - start)
        units += [
            (tuple((start + k * step).tolist()), tuple((start + (k + 1) * step).tolist()))
            for k in range(int(np.abs(end - start).sum()))
        ]
    assert len(units) == len(set(units))
    assert set(units) == brute_outline(mask)


def test_lines_are_as_long_as_they_go():
    assert len(outline(np.ones((30, 40), bool))) == 4
    assert outline(np.zeros((3, 3), bool)).shape == (0, 2, 2)


def test_masks_are_filled_and_outlined_in_the_picture():
    picture = np.full((8, 8, 3), 200, np.uint8)
    mask = np.zeros((1, 8, 8), bool)
    mask[0, 2:6, 3:7] = True
    dots = rendered(
        lambda ax: show_masks(picture, mask, ax, colours=RED, fill=0.5), 8, 8, scale=30
    )  # a line is 1.3 points wide, a fiftieth of a pixel here
    middle = cells(dots, 30)
    assert np.array_equal(middle, blend(picture, mask, RED, 0.5))
    along = dots[60:180, 90].astype(int)  # down the left side of the mask
    assert (along[:, 0] > 150).mean() > 0.9
    assert (along[:, 1] < 60).mean() > 0.9, "the outline has the mask's own colour at full strength"


def test_masks_outline_each_mask_in_its_colour():
    masks = np.zeros((3, 6, 6), bool)
    for number in range(3):
        masks[number, 2 * number : 2 * number + 2] = True
    ax = show_masks(noise(6, 6), torch.from_numpy(masks))
    lines = [drawn for drawn in ax.collections if isinstance(drawn, LineCollection)]
    colours = {tuple(np.rint(line.get_colors()[0][:3] * 255).astype(int).tolist()) for line in lines}
    assert {tuple(colour.tolist()) for colour in instance_colours(3)} <= colours


def test_boxes_are_half_open():
    """A box of one pixel is drawn round that pixel, not through its centre."""
    ax = show_boxes(np.array([[3.0, 5.0, 4.0, 6.0]]), show_picture(noise(8, 8)))
    for patch in ax.patches:
        assert patch.get_bbox().extents.tolist() == [3, 5, 4, 6]
    assert len(ax.patches) == 2


def found():
    masks = torch.zeros(2, 6, 6, dtype=torch.bool)
    masks[0, :3, :3] = True
    masks[1, 2:, 2:] = True
    boxes = torch.tensor([[0.0, 0, 3, 3], [2.0, 2, 6, 6]])
    return Instances.from_masks(masks, torch.tensor([2, 1]), torch.tensor([0.9, 0.55]), boxes)


def test_instances_bear_category_and_score_and_the_best_lies_on_top():
    picture = np.zeros((6, 6, 3), np.uint8)
    ax = show_instances(picture, found(), names=("background", "disc", "star"))
    assert sorted(text.get_text() for text in ax.texts) == ["disc 0.55", "star 0.90"]
    shown = ax.images[0].get_array()
    assert np.array_equal(shown, blend(picture, found().masks[:].numpy(), instance_colours(2), 0.45))
    assert np.abs(shown[2, 2] - instance_colours(1)[0] * 0.45).max() <= 0.5
    assert not show_instances(picture, found(), boxes=False).patches


def test_no_instance_leaves_the_picture():
    picture = noise(4, 5)
    ax = show_instances(picture, Instances.none(4, 5), names=("background",))
    assert np.array_equal(ax.images[0].get_array(), picture)
    assert not ax.patches
    assert not ax.collections


def test_truth_shows_instances_and_void():
    categories = np.array([[1, 0, 255]], np.uint8)
    sample = Sample("one", np.full((1, 3, 3), 10, np.uint8), categories, np.array([[4, 0, 0]], np.int32))
    shown = show_truth(sample, fill=1.0).images[0].get_array()
    assert np.array_equal(shown[0, 0], instance_colours(1)[0])
    assert shown[0, 1].tolist() == [10, 10, 10]
    assert np.ptp(shown[0, 2]) == 0, "void is covered in grey"
    assert shown[0, 2, 0] > 60


def test_instances_next_to_one_another_differ():
    colours = instance_colours(300)
    assert colours.shape == (300, 3)
    assert len(np.unique(colours[:35], axis=0)) == 35


def test_panels_stand_side_by_side_with_their_titles():
    figure = panels([(title, lambda ax: show_picture(noise(4, 4), ax)) for title in "abcde"], per_row=3)
    figure.canvas.draw()
    assert [ax.get_title(loc="left") for ax in figure.axes] == list("abcde")
    places = [ax.get_position() for ax in figure.axes]
    assert places[0].x0 < places[1].x0 < places[2].x0
    assert places[3].y1 < places[0].y0
    assert places[3].x0 == pytest.approx(places[0].x0, abs=0.01)


def test_new_figures_are_white_and_old_ones_untouched():
    with matplotlib.rc_context({"figure.facecolor": "black"}):
        ax = show_picture(noise(3, 3))
        assert ax.get_figure().get_facecolor() == (1, 1, 1, 1)
        assert matplotlib.rcParams["figure.facecolor"] == "black"
        with style():
            assert matplotlib.rcParams["figure.facecolor"] == "white"
    assert new_axes(ax) is ax
    assert set(STYLE) <= set(matplotlib.rcParams)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="palette is 'jet'"):
        show_labels(np.zeros((2, 2), np.uint8), palette="jet")
    with pytest.raises(ValueError, match="columns"):
        panels([])
    with pytest.raises(ValueError, match="per_row is 0"):
        panels([("a", show_picture)], per_row=0)
