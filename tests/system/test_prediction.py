"""From a picture to maps, instances and the final label map."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from changed import changed
from PIL import Image
from torch import Tensor, nn

from bridgeseg.grouping.suppression import Suppression, suppress_and_trace
from bridgeseg.grouping.voting import Voting, vote_and_assign
from bridgeseg.networks.preprocessing import normalise, stretch_contrast
from bridgeseg.structures.box_encodings import ENCODINGS
from bridgeseg.structures.cells import enlarge, resized
from bridgeseg.structures.instances import Instances
from bridgeseg.system import prediction
from bridgeseg.system.build import answering, answers, build_networks
from bridgeseg.system.prediction import Maps, category_map, group, predict_maps, without_overlap, working_size
from bridgeseg.system.recipe import Learner, NetworkRecipe, Recipe

RECIPE = Recipe(name="test", semantic=Learner(NetworkRecipe(width=8, hidden=8, output_stride=16, stride=4)))
APART = dataclasses.replace(RECIPE, localization=RECIPE.semantic)


def networks(recipe: Recipe = RECIPE, categories: int = 3) -> nn.ModuleDict:
    """Untrained networks whose answers differ from place to place."""
    torch.manual_seed(0)
    built = build_networks(recipe, categories, pretrained=False).eval()
    for parameter in built.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    return built


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (33, 1), (17, 33), (64, 48)])
@pytest.mark.parametrize("shared", [True, False])
def test_maps_of_pictures_of_any_size(size: tuple[int, int], shared: bool) -> None:
    recipe = RECIPE if shared else APART
    maps = predict_maps(networks(recipe), picture(*size), recipe)
    cells = (-(-size[0] // 4), -(-size[1] // 4))
    assert (maps.stride, maps.size) == (4, size)
    assert maps.scores.shape == (4, *cells)
    assert maps.boxes.shape == (4, *cells)
    torch.testing.assert_close(maps.scores.sum(0), torch.ones(cells))
    assert maps.boxes.isfinite().all()
    assert (maps.boxes[2:] > maps.boxes[:2]).all()
    assert not maps.scores.requires_grad
    found = group(maps, recipe.grouping)
    assert found.masks.size == size
    assert category_map(maps).shape == size


@pytest.mark.parametrize("name", ENCODINGS)
def test_maps_are_the_networks_answers_decoded(name: str) -> None:
    given, built = picture(40, 56), networks()
    maps = predict_maps(built, given, changed(RECIPE, {"losses.boxes.encoding": name}))
    with torch.no_grad():
        found = answers(built, normalise(torch.from_numpy(given)[None]))
    torch.testing.assert_close(maps.scores, found["categories"][0].softmax(0))
    torch.testing.assert_close(maps.boxes, ENCODINGS[name].decode(found["boxes"], 4, 24.0)[0])


def test_two_networks_apart_give_both_answers() -> None:
    recipe = APART
    built = networks(recipe)
    assert list(built) == ["semantic", "localization"]
    maps = predict_maps(built, picture(32, 32), recipe)
    with torch.no_grad():
        pixels = normalise(torch.from_numpy(picture(32, 32))[None])
        torch.testing.assert_close(maps.scores, built["semantic"](pixels)["categories"][0].softmax(0))


@pytest.mark.parametrize("shared", [True, False])
def test_several_views_change_the_scores_and_not_the_boxes(shared: bool) -> None:
    recipe = RECIPE if shared else APART
    several = changed(recipe, {"pictures.views": (0.5, 1.0, 1.5), "pictures.mirrored": True})
    built, given = networks(recipe), picture(33, 45)
    one, many = predict_maps(built, given, recipe), predict_maps(built, given, several)
    torch.testing.assert_close(many.boxes, one.boxes)
    torch.testing.assert_close(many.scores.sum(0), torch.ones(9, 12))
    assert not torch.allclose(many.scores, one.scores, atol=1e-3)
    # (45 − 1) is a multiple of the stride: what is said of the mirrored picture is what is said, mirrored.
    back = predict_maps(built, given[:, ::-1], changed(several, {"pictures.views": (1.0,)})).scores.flip(-1)
    there = predict_maps(built, given, changed(several, {"pictures.views": (1.0,)})).scores
    torch.testing.assert_close(back, there)


def test_a_network_is_found_by_its_answer() -> None:
    shared, apart = networks(), networks(APART)
    assert answering(shared, "boxes") is answering(shared, "categories") is shared["both"]
    assert answering(apart, "boxes") is apart["localization"]
    with pytest.raises(ValueError, match="none answers with 'masks'; there are semantic, localization"):
        answering(apart, "masks")


@pytest.mark.parametrize(
    "size, long_side, zoom, expected",
    [
        ((375, 500), 2048, 1.0, (375, 500)),
        ((375, 500), 250, 1.0, (188, 250)),
        ((6000, 4000), 640, 1.0, (640, 427)),
        ((1, 5000), 640, 1.0, (1, 640)),  # never less than one pixel
        ((100, 60), 2048, 1.5, (150, 90)),
        ((100, 60), 120, 1.5, (120, 72)),
        ((1, 1), 2048, 1.0, (1, 1)),
    ],
)
def test_the_size_at_which_a_picture_is_shown(
    size: tuple[int, int], long_side: int, zoom: float, expected: tuple[int, int]
) -> None:
    assert working_size(*size, zoom, long_side) == expected


def test_a_large_picture_is_made_smaller_first() -> None:
    recipe = changed(RECIPE, {"pictures.long_side": 48})
    given = picture(60, 96)
    maps = predict_maps(networks(), given, recipe)
    assert maps.size == (30, 48)
    small = np.asarray(Image.fromarray(given).resize((48, 30), Image.Resampling.BILINEAR))
    torch.testing.assert_close(maps.scores, predict_maps(networks(), small, RECIPE).scores)


def test_contrast_is_stretched_where_the_recipe_says_so() -> None:
    dark = (picture(32, 40) // 8).astype(np.uint8)
    recipe = changed(RECIPE, {"pictures.stretch": True})
    maps = predict_maps(networks(), dark, recipe)
    torch.testing.assert_close(maps.scores, predict_maps(networks(), stretch_contrast(dark), RECIPE).scores)
    assert not torch.allclose(maps.scores, predict_maps(networks(), dark, RECIPE).scores)


def test_a_picture_that_cannot_be_written_to_is_left_alone(recwarn: pytest.WarningsRecorder) -> None:
    given = picture(20, 20)
    given.flags.writeable = False
    flipped = given[:, ::-1]
    torch.testing.assert_close(
        predict_maps(networks(), flipped, RECIPE).scores,
        predict_maps(networks(), flipped.copy(), RECIPE).scores,
    )
    assert not [warning for warning in recwarn if "writable" in str(warning.message)]


def test_the_settings_choose_the_way_of_grouping() -> None:
    maps = predict_maps(networks(), picture(48, 48), RECIPE)
    for settings, way in ((Voting(score=0.0), vote_and_assign), (Suppression(score=0.0), suppress_and_trace)):
        found, expected = group(maps, settings), way(maps.scores, maps.boxes, 4, (48, 48), settings)
        assert torch.equal(found.masks[:], expected.masks[:])
        assert torch.equal(found.scores, expected.scores)


def test_the_category_map_is_the_best_of_the_enlarged_scores() -> None:
    scores = torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(0)).softmax(0)
    found = category_map(Maps(scores, torch.zeros(4, 5, 6), 4, (18, 23)))
    assert found.dtype == torch.uint8
    assert torch.equal(found.long(), enlarge(scores[None], 4, (18, 23))[0].argmax(0))
    assert torch.equal(found[::4, ::4].long(), scores.argmax(0))


@pytest.mark.parametrize("size", [(18, 23), (17, 21), (20, 24)])
@pytest.mark.parametrize("pixels", [1, 200, 350])
def test_the_category_map_in_bands_is_the_same(
    monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], pixels: int
) -> None:
    maps = Maps(
        torch.randn(4, 5, 6, generator=torch.Generator().manual_seed(0)), torch.zeros(4, 5, 6), 4, size
    )
    whole = category_map(maps)
    monkeypatch.setattr(prediction, "ENLARGED", pixels)
    assert torch.equal(category_map(maps), whole)


@pytest.mark.parametrize("size", [(13, 17), (26, 34), (7, 40), (1, 1), (29, 5)])
def test_labels_at_another_size_are_those_under_the_centres(size: tuple[int, int]) -> None:
    labels = torch.arange(13 * 17).view(13, 17)
    found = resized(labels, size)
    assert found.shape == size
    for y in range(size[0]):
        for x in range(size[1]):
            row, column = int((y + 0.5) * 13 / size[0]), int((x + 0.5) * 17 / size[1])
            assert found[y, x] == labels[row, column]


def test_masks_are_resized_like_label_maps() -> None:
    masks = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(0)) < 0.5
    found = resized(masks, (20, 15))
    for mask, expected in zip(found, masks, strict=True):
        assert torch.equal(mask, resized(expected.long(), (20, 15)).bool())
    assert resized(masks, (9, 11)) is masks


def found_with(masks: Tensor, scores: list[float]) -> Instances:
    count = len(scores)
    return Instances.from_masks(
        masks, torch.ones(count, dtype=torch.int64), torch.tensor(scores), torch.zeros(count, 4)
    )


@pytest.mark.parametrize("threshold", [0.0, 0.4, 0.5, 0.95])
def test_a_pixel_belongs_to_the_best_of_its_masks(threshold: float) -> None:
    masks = torch.rand(4, 8, 9, generator=torch.Generator().manual_seed(1)) < 0.5
    scores = [0.9, 0.5, 0.5, 0.2]
    labels = without_overlap(found_with(masks, scores), threshold)
    for y in range(8):
        for x in range(9):
            inside = [n + 1 for n in range(4) if masks[n, y, x] and scores[n] >= threshold]
            assert labels[y, x] == (min(inside) if inside else 0)


def test_nothing_found_is_an_empty_map() -> None:
    assert without_overlap(Instances.none(4, 5), 0.0).tolist() == [[0] * 5] * 4
