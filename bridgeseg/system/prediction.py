"""From a picture to its category map and its instances, with trained networks. Built in chapter 10."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from bridgeseg.grouping.suppression import Suppression, suppress_and_trace
from bridgeseg.grouping.voting import Voting, vote_and_assign
from bridgeseg.networks.preprocessing import normalise, stretch_contrast
from bridgeseg.structures.box_encodings import ENCODINGS
from bridgeseg.structures.cells import enlarge
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.structures.preconditions import expect_arrays
from bridgeseg.system.build import answering, answers, output_stride
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.multi_view import mean_scores
from bridgeseg.system.recipe import PictureRecipe, Recipe
from bridgeseg.system.tiles import step_and_margin, stitched

# Pixels for which the probabilities of all categories are held at a time: those of a picture that is shown at once.
ENLARGED = 1 << 22


class Maps(NamedTuple):
    """What the networks say about a picture, on the cells of their answer.

    scores: (C + 1, h, w) float32 probabilities, background first
    boxes: (4, h, w) float32, half open, in pixels of the picture that the network saw
    stride: pixels from cell to cell
    size: height and width of the picture that the network saw

    Example:
        >>> maps = Maps(torch.tensor([[[0.1]], [[0.9]]]), torch.zeros(4, 1, 1), stride=4, size=(3, 4))
        >>> maps.size
        (3, 4)

    Built in chapter 10.
    """

    scores: Tensor
    boxes: Tensor
    stride: int
    size: tuple[int, int]

    def to(self, device: torch.device | str) -> Maps:
        """Return the same maps on another device."""
        return self._replace(scores=self.scores.to(device), boxes=self.boxes.to(device))


def working_size(height: int, width: int, zoom: float, long_side: float) -> tuple[int, int]:
    """Return the size at which a picture is shown to the network: its own times the zoom, or less.

    height, width: of the picture, pixels
    zoom: above 0
    long_side: pixels; neither side becomes longer; infinity where any length will do
    returns: height and width, at least 1 each

    Built in chapter 10.
    """
    factor = min(zoom, long_side / max(height, width))
    return max(1, round(height * factor)), max(1, round(width * factor))


def size_shown(height: int, width: int, pictures: PictureRecipe) -> tuple[int, int]:
    """Return the size at which a picture is shown to the networks, at once or in tiles.

    height, width: of the picture, pixels
    pictures: of the recipe
    returns: height and width: zoomed, and no longer than `long_side` where there are no tiles

    Example:
        >>> size_shown(4096, 6144, PictureRecipe(zoom=1.5)), size_shown(4096, 6144, PictureRecipe(zoom=1.5, tile=1536))
        ((1365, 2048), (6144, 9216))

    Built in chapter 12.
    """
    return working_size(height, width, pictures.zoom, math.inf if pictures.tile else pictures.long_side)


def shrinking(height: int, width: int, pictures: PictureRecipe) -> str | None:
    """Return what is to be said of a picture that is made smaller than it is, or than the recipe would zoom it.

    height, width: of the picture, pixels
    pictures: of the recipe
    returns: words that name both sizes, width first as viewers do; None where nothing is lost

    Example:
        >>> shrinking(3000, 4000, PictureRecipe(long_side=640))
        'made smaller, from 4000 x 3000 to 640 x 480 pixels: small objects may be lost'
        >>> shrinking(480, 640, PictureRecipe(long_side=640)) is None
        True

    Built in chapter 12.
    """
    wanted, shown = working_size(height, width, pictures.zoom, math.inf), size_shown(height, width, pictures)
    if shown == wanted:
        return None
    zoomed = "" if wanted == (height, width) else f" (zoomed: {wanted[1]} x {wanted[0]})"
    return (
        f"made smaller, from {width} x {height}{zoomed} to {shown[1]} x {shown[0]} pixels:"
        " small objects may be lost"
    )


def as_shown(picture: np.ndarray, pictures: PictureRecipe) -> np.ndarray:
    """Return a picture as the networks see it: its contrast stretched and its size changed where the recipe says so.

    picture: (h, w, 3) uint8
    pictures: of the recipe
    returns: (H, W, 3) uint8, of the working size

    Example:
        >>> from bridgeseg.system.recipe import PictureRecipe
        >>> as_shown(np.zeros((8, 12, 3), np.uint8), PictureRecipe(zoom=1.5)).shape
        (12, 18, 3)

    Built in chapter 10.
    """
    expect_arrays(picture=(picture, "(h, w, 3) uint8, not empty"))
    size = size_shown(picture.shape[0], picture.shape[1], pictures)
    if pictures.stretch:
        picture = stretch_contrast(picture)
    if size != picture.shape[:2]:
        picture = np.asarray(Image.fromarray(picture).resize(size[::-1], Image.Resampling.BILINEAR))
    return picture


def predict_shown(networks: nn.ModuleDict, pictures: np.ndarray, recipe: Recipe) -> list[Maps]:
    """Return the probabilities and boxes of pictures of one size that are prepared already.

    networks: what `bridgeseg.system.build.build_networks` makes, trained, in evaluation mode
    pictures: (N, H, W, 3) uint8, as `as_shown` returns them
    recipe: says how often the semantic network is asked, and what the boxes are measured in
    returns: the maps of each. Pictures longer than `long_side` are shown in tiles where the recipe has a side for them:
        the same maps, in less memory; with several views those differ a little, since the cells of a view lie elsewhere

    Built in chapter 10.
    """
    expect_arrays(pictures=(pictures, "(N, H, W, 3) uint8, not empty"))
    shown, stride = recipe.pictures, output_stride(networks)
    size = (pictures.shape[1], pictures.shape[2])
    if shown.tile is None or max(size) <= shown.long_side:
        found = ask_whole(networks, pictures, recipe)
    else:
        step, margin = step_and_margin(networks, min(shown.views))

        def look(top: int, bottom: int, left: int, right: int) -> tuple[Tensor, Tensor]:
            return ask_whole(networks, pictures[:, top:bottom, left:right], recipe)

        found = stitched(size, shown.tile, margin, step, stride, look)
    return [Maps(scores, boxes, stride, size) for scores, boxes in zip(*found, strict=True)]


@torch.no_grad()
def ask_whole(networks: nn.ModuleDict, pictures: np.ndarray, recipe: Recipe) -> tuple[Tensor, Tensor]:
    """Return what the networks say of pictures of one size, shown whole.

    networks, pictures, recipe: as in `predict_shown`
    returns: probabilities (N, C + 1, h, w) float32, background first; boxes (N, 4, h, w) float32, pixels

    Built in chapter 10.
    """
    shown, stride = recipe.pictures, output_stride(networks)
    device = next(networks.parameters()).device
    pixels = normalise(torch.from_numpy(np.require(pictures, requirements=["C", "W"])).to(device))
    if shown.views == (1.0,) and not shown.mirrored:
        found = answers(networks, pixels)
        scores = found["categories"].float().softmax(1)  # (N, C + 1, h, w)
    else:
        semantic = answering(networks, "categories")
        found = answering(networks, "boxes")(pixels)
        scores = mean_scores(
            lambda view: semantic(view)["categories"].float().softmax(1),
            pixels,
            shown.views,
            shown.mirrored,
            stride,
        )
    how = recipe.losses.boxes
    return scores, ENCODINGS[how.encoding].decode(found["boxes"].float(), stride, how.scale)  # (N, 4, h, w)


def predict_maps(networks: nn.ModuleDict, picture: np.ndarray, recipe: Recipe) -> Maps:
    """Return the probabilities and boxes of a picture.

    networks: what `bridgeseg.system.build.build_networks` makes, trained, in evaluation mode
    picture: (h, w, 3) uint8
    recipe: says how the picture is prepared
    returns: maps at the working size: zoomed as the recipe says, and made smaller where a side would be too long and
        the recipe has no tiles

    Example:
        >>> from bridgeseg.system.build import build_networks
        >>> from bridgeseg.system.presets import recipe_named
        >>> recipe = recipe_named("scenes-tiny")
        >>> networks = build_networks(recipe, categories=5).eval()
        >>> maps = predict_maps(networks, np.zeros((8, 12, 3), np.uint8), recipe)
        >>> tuple(maps.scores.shape), tuple(maps.boxes.shape), maps.stride
        ((6, 2, 3), (4, 2, 3), 4)

    Built in chapter 10.
    """
    return predict_shown(networks, as_shown(picture, recipe.pictures)[None], recipe)[0]


def group(maps: Maps, grouping: Voting | Suppression) -> Instances:
    """Return the instances of the maps, by our clustering or by the paper's suppression.

    maps: of one picture
    grouping: the settings, which also say by which of the two

    Example:
        >>> scores = torch.tensor([[[0.1, 0.9]], [[0.9, 0.1]]])
        >>> boxes = torch.tensor([0.0, 0, 1, 1]).view(4, 1, 1).expand(4, 1, 2)
        >>> found = group(Maps(scores, boxes, 1, (1, 2)), Suppression(pixels=1))
        >>> found.masks[:].int().tolist()
        [[[1, 0]]]

    Built in chapter 9.
    """
    if isinstance(grouping, Voting):
        return vote_and_assign(maps.scores, maps.boxes, maps.stride, maps.size, grouping)
    return suppress_and_trace(maps.scores, maps.boxes, maps.stride, maps.size, grouping)


def category_map(maps: Maps) -> Tensor:
    """Return the most probable category of every pixel at the working size, (h, w) uint8.

    maps: of one picture

    Example:
        >>> maps = Maps(torch.tensor([[[0.9, 0.2]], [[0.1, 0.8]]]), torch.zeros(4, 1, 2), 1, (1, 2))
        >>> category_map(maps).tolist()
        [[0, 1]]

    Built in chapter 10.
    """
    (height, width), stride, bands = maps.size, maps.stride, []
    rows = max(ENLARGED // (width * stride), 1)  # of cells at a time
    for top in range(0, maps.scores.shape[1], rows):
        cells = maps.scores[None, :, top : top + rows + 1]  # and the next row, to which lines are drawn
        size = (min(rows * stride, height - top * stride), width)
        bands.append(enlarge(cells, stride, size)[0].argmax(0).to(torch.uint8))
    return torch.cat(bands)


def without_overlap(instances: Instances, threshold: float) -> Tensor:
    """Return the final answer as one instance map: no pixel in two instances, nothing below the threshold.

    instances: best first
    threshold: of the score, 0…1
    returns: (h, w) int64, 0 none, 1…n in the order of the instances that stay; a pixel in several masks belongs to
        the best of them

    Example:
        >>> masks = torch.tensor([[[True, True, False]], [[False, True, True]]])
        >>> found = Instances.from_masks(masks, torch.tensor([1, 2]), torch.tensor([0.9, 0.4]), torch.zeros(2, 4))
        >>> without_overlap(found, 0.3).tolist(), without_overlap(found, 0.5).tolist()
        ([[1, 1, 2]], [[1, 1, 0]])

    Built in chapter 10.
    """
    return instances.select(instances.scores >= threshold).masks.labels()


def maps_of(run: Run, sample: Sample) -> Maps:
    """Return what the networks of a run say about a sample's picture, as `predict_maps`.

    run: trained networks and their recipe
    sample: of which only the picture is looked at

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.system.checkpoint import load_run
        >>> maps = maps_of(load_run("scenes"), Scenes("val", count=1)[0])
        >>> tuple(maps.scores.shape), maps.stride
        ((6, 24, 24), 4)

    Built in chapter 10.
    """
    return predict_maps(run.networks, sample.picture, run.recipe)


def found_in(run: Run, sample: Sample) -> Instances:
    """Return the instances of a picture as the run finds them, masks of the picture's own size.

    run: trained networks and their recipe
    sample: of which only the picture is looked at

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.system.checkpoint import load_run
        >>> sample = Scenes("val", size=96, count=1)[0]
        >>> found_in(load_run("scenes"), sample).masks[0].shape == sample.instances.shape
        True

    Built in chapter 10.
    """
    return instances_of(run, sample, maps_of(run, sample))


def instances_of(run: Run, sample: Sample, maps: Maps) -> Instances:
    """Return the instances of a picture whose maps are known, masks of the picture's own size.

    run: whose recipe says how to group
    sample: of which only the size is looked at
    maps: what the networks of the run say about it

    Built in chapter 10.
    """
    height, width = sample.instances.shape
    return at_size(group(maps, run.recipe.grouping), (height, width))


def at_size(instances: Instances, size: tuple[int, int]) -> Instances:
    """Return instances with masks and boxes brought from the working size to the picture's own.

    instances: found at the working size
    size: height and width of the picture, pixels

    Example:
        >>> mask = torch.tensor([[[True, False]]])
        >>> found = Instances.from_masks(mask, torch.tensor([1]), torch.ones(1), torch.tensor([[0.0, 0, 1, 1]]))
        >>> large = at_size(found, (2, 4))
        >>> large.masks[0].int().tolist(), large.boxes.tolist()
        ([[1, 1, 0, 0], [1, 1, 0, 0]], [[0.0, 0.0, 2.0, 2.0]])

    Built in chapter 10.
    """
    height, width = instances.masks.size
    if (height, width) == size:
        return instances
    scale = instances.boxes.new_tensor([size[1] / width, size[0] / height] * 2)
    return Instances(
        instances.masks.resized(size), instances.categories, instances.scores, instances.boxes * scale
    )
