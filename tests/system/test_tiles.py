"""Pictures in tiles: the same answer as whole, without a seam, and nothing made smaller."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from changed import changed
from torch import Tensor, nn

from bridgeseg.structures.labels import BadInput
from bridgeseg.system.batched_prediction import predict_together
from bridgeseg.system.build import build_networks
from bridgeseg.system.checkpoint import Run, load_run
from bridgeseg.system.prediction import (
    Maps,
    ask_whole,
    group,
    predict_maps,
    predict_shown,
    shrinking,
    size_shown,
    without_overlap,
)
from bridgeseg.system.recipe import Learner, NetworkRecipe, PictureRecipe, Recipe
from bridgeseg.system.tiles import step_and_margin, stitched, stretches

RECIPE = Recipe(name="test", semantic=Learner(NetworkRecipe(width=4, hidden=8, output_stride=16, stride=4)))
APART = dataclasses.replace(RECIPE, localization=RECIPE.semantic)
IN_TILES = {"pictures.long_side": 320, "pictures.tile": 160}


def networks(recipe: Recipe) -> nn.ModuleDict:
    """Untrained networks whose answers differ from place to place."""
    torch.manual_seed(0)
    built = build_networks(recipe, 3, pretrained=False).eval()
    for parameter in built.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return built


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3)).astype(np.uint8)


def ellipses(height: int, width: int) -> tuple[np.ndarray, int]:
    """A micrograph with a bright ellipse every 32 pixels, so that a tile's edge cuts some, and their number."""
    rows, columns = np.mgrid[:height, :width]
    inside = ((rows % 32 - 16) / 9.0) ** 2 + ((columns % 32 - 16) / 7.5) ** 2 < 1
    grey = np.where(inside, 160 + 20 * (columns // 32 % 3), 20).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2), (height // 32) * (width // 32)


def test_what_stretches_keep_covers_the_side_once_and_their_margin_is_shown() -> None:
    random = np.random.default_rng(0)
    for _ in range(300):
        length, side, margin, step = (int(random.integers(1, most)) for most in (500, 200, 80, 33))
        found = stretches(length, side, margin, step)
        assert [place for each in found for place in range(each.first, each.last)] == list(range(length))
        for each in found:
            assert each.start % step == each.first % step == 0
            assert each.last - each.first <= max(side, step)
            assert each.start <= max(each.first - margin, 0)
            assert each.stop >= min(each.last + margin, length)


@pytest.mark.parametrize("size, recipe", [((250, 900), RECIPE), ((891, 203), RECIPE), ((90, 830), APART)])
def test_maps_in_tiles_are_those_of_the_whole_picture(size: tuple[int, int], recipe: Recipe) -> None:
    built, given = networks(recipe), noise(*size)
    whole = predict_maps(built, given, recipe)
    tiled = predict_maps(built, given, changed(recipe, IN_TILES))
    assert (tiled.stride, tiled.size) == (whole.stride, whole.size) == (4, size)
    torch.testing.assert_close(tiled.scores, whole.scores, rtol=0, atol=1e-5)
    torch.testing.assert_close(tiled.boxes, whole.boxes, rtol=0, atol=1e-2)


def test_a_smaller_margin_or_a_place_between_the_strides_would_show() -> None:
    built, given = networks(RECIPE), noise(64, 800)[None]
    whole = ask_whole(built, given, RECIPE)[0]

    def ask(top: int, bottom: int, left: int, right: int) -> tuple[Tensor, Tensor]:
        return ask_whole(built, given[:, top:bottom, left:right], RECIPE)

    def wrong(margin: int, step: int) -> float:
        return float((stitched((64, 800), 160, margin, step, 4, ask)[0] - whole).abs().max())

    step, margin = step_and_margin(built)
    assert step == 16
    assert wrong(margin, step) < 1e-5
    assert wrong(margin // 4, step) > 1e-4
    assert wrong(margin + 3, 4) > 1e-4


def test_smaller_views_need_a_wider_margin() -> None:
    built = networks(RECIPE)
    assert step_and_margin(built, 0.5)[1] == 2 * step_and_margin(built)[1]
    assert step_and_margin(built, 2.0) == step_and_margin(built)


def test_several_views_in_tiles_say_nearly_what_they_say_of_the_whole() -> None:
    built, given = networks(RECIPE), noise(48, 700)
    several = changed(RECIPE, {"pictures.views": (1.0, 1.25), "pictures.mirrored": True})
    whole, tiled = (predict_maps(built, given, recipe) for recipe in (several, changed(several, IN_TILES)))
    torch.testing.assert_close(tiled.boxes, whole.boxes, rtol=0, atol=1e-2)
    once = predict_maps(built, given, RECIPE)
    assert (tiled.scores - whole.scores).abs().mean() < 0.5 * (once.scores - whole.scores).abs().mean()


@pytest.mark.parametrize("size", [(320, 320), (1, 320), (199, 57)])
def test_a_picture_that_is_not_too_long_is_shown_whole(size: tuple[int, int]) -> None:
    built, given = networks(RECIPE), noise(*size)
    whole, tiled = (predict_maps(built, given, recipe) for recipe in (RECIPE, changed(RECIPE, IN_TILES)))
    assert torch.equal(tiled.scores, whole.scores)
    assert torch.equal(tiled.boxes, whole.boxes)


def test_pictures_of_one_size_go_through_their_tiles_together() -> None:
    recipe = changed(RECIPE, IN_TILES)
    built = networks(recipe)
    pictures = [noise(40, 640), noise(40, 640)[::-1], noise(30, 30)]
    run = Run(built, recipe, ("background", "a", "b", "c"))
    for given, maps in zip(pictures, predict_together(run, pictures, 10**6, None), strict=True):
        expected = predict_maps(built, given, recipe)
        torch.testing.assert_close(maps.scores, expected.scores, rtol=0, atol=1e-5)
        torch.testing.assert_close(maps.boxes, expected.boxes, rtol=0, atol=1e-2)


def test_nuclei_on_the_edge_of_a_tile_are_found_once_and_whole() -> None:
    picture, count = ellipses(128, 736)  # shown at 192 × 1104, an ellipse every 48 pixels, a tile every 368
    run = load_run("nuclei")
    cut = changed(run.recipe, {"pictures.long_side": 256, "pictures.tile": 400})
    found: list[Tensor] = []
    for recipe in (run.recipe, cut):
        instances = group(predict_maps(run.networks, picture, recipe), recipe.grouping)
        found.append(without_overlap(instances, run.threshold))
    whole, tiled = found
    assert int(tiled.max()) == int(whole.max()) == count
    # Up to the order of equal scores, which rounding may change.
    assert (
        torch.bincount(whole.flatten()).sort()[0] - torch.bincount(tiled.flatten()).sort()[0]
    ).abs().max() <= 2
    assert ((whole > 0) == (tiled > 0)).float().mean() > 0.9999


def test_micrographs_are_not_made_smaller_and_photographs_are() -> None:
    assert load_run("nuclei").recipe.pictures.tile == 1536
    micrographs = PictureRecipe(zoom=1.5, tile=1536)
    assert size_shown(5120, 5120, micrographs) == (7680, 7680)
    assert shrinking(5120, 5120, micrographs) is None
    zoomed = shrinking(5120, 5120, PictureRecipe(zoom=1.5))
    assert zoomed is not None
    assert "from 5120 x 5120 (zoomed: 7680 x 7680) to 2048 x 2048 pixels" in zoomed
    assert shrinking(640, 640, PictureRecipe(long_side=640)) is None
    assert "from 641 x 9 to 640 x 9" in str(shrinking(9, 641, PictureRecipe(long_side=640)))


@pytest.mark.parametrize("tile", [0, -16])
def test_a_tile_without_pixels_is_refused(tile: int) -> None:
    with pytest.raises(BadInput, match=rf"^tile is {tile}, expected at least 1 pixel"):
        PictureRecipe(tile=tile)
    text = changed(RECIPE, {"pictures.tile": 16}).to_json().replace('"tile": 16', f'"tile": {tile}')
    with pytest.raises(BadInput, match=r"^run/recipe\.json: not a recipe"):
        Recipe.from_json(text, "run/recipe.json")


def test_a_recipe_that_knew_no_tiles_has_none() -> None:
    values = json.loads(RECIPE.to_json())
    del values["pictures"]["tile"]
    assert Recipe.from_json(json.dumps(values)) == RECIPE


def test_tiles_are_only_for_what_is_too_long_as_it_is_shown() -> None:
    looked: list[tuple[int, ...]] = []
    recipe = changed(RECIPE, IN_TILES)
    built = networks(recipe)
    built["both"].register_forward_pre_hook(lambda module, given: looked.append(tuple(given[0].shape[-2:])))
    found = predict_shown(built, noise(16, 321)[None], recipe)[0]
    assert isinstance(found, Maps)
    assert (
        len(looked[1:]) == 3
    )  # 321 pixels, 160 at a time at most; the first is the strip that measures the margin
    looked.clear()
    predict_shown(built, noise(16, 320)[None], recipe)
    assert looked == [(16, 320)]
