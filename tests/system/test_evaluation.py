import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from changed import changed
from small_recipe import SMALL

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.data.splits import held_out
from bridgeseg.grouping.components import connected_components
from bridgeseg.grouping.suppression import Suppression
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import Overlaps, overlaps
from bridgeseg.structures.boxes import box_targets
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import BadInput, Sample
from bridgeseg.system import batched_prediction, evaluation, prediction
from bridgeseg.system.checkpoint import Run
from bridgeseg.system.evaluation import (
    check_unseen,
    components,
    evaluate,
    evaluate_components,
    evaluate_true_categories,
    with_true_categories,
)
from bridgeseg.system.oracles import masks_from_truth, true_boxes, true_scores
from bridgeseg.system.prediction import Maps, at_size, found_in
from bridgeseg.system.score_threshold import OTHERWISE, best_threshold, choose_threshold


def quiet(share, text):
    pass


def test_pictures_that_are_shown_smaller_are_counted_and_named(perfect):
    run = dataclasses.replace(perfect, recipe=changed(SMALL, {"pictures.long_side": 60}))
    scenes = [*Scenes("val", size=48, count=2), *Scenes("val", size=64, count=5)]
    scenes = [dataclasses.replace(scene, name=str(number)) for number, scene in enumerate(scenes)]

    class Some(list):
        kind, root, categories = "scenes", None, run.categories

    said = []
    evaluate(run, Some(scenes), progress=quiet, note=said.append)
    assert said == ["5 pictures (2, 3, 4, …) made smaller, to 60 pixels at most: small objects may be lost"]
    evaluate(run, Some(scenes[:2]), progress=quiet, note=said.append)
    assert len(said) == 1


@pytest.fixture
def perfect(monkeypatch):
    """A run whose networks answer with the truth, at stride 2."""
    run = Run(torch.nn.ModuleDict(), SMALL, tuple(CATEGORIES), data="scenes")

    def maps(run, sample):
        return Maps(
            true_scores(sample, len(run.categories), 2), true_boxes(sample, 2), 2, sample.instances.shape
        )

    for module in (batched_prediction, prediction):
        monkeypatch.setattr(module, "maps_of", maps)
    return run


def test_held_out_is_a_fixed_part_whatever_the_order():
    names = [f"{number:05d}" for number in range(1000)]
    chosen = held_out(names, 0.03)
    assert len(chosen) == 30
    assert chosen == sorted(chosen)
    assert set(held_out(names[::-1], 0.03)) == set(chosen)
    assert set(held_out(names, 0.02)) < set(chosen)
    assert len(held_out(names, 0.5)) == 40
    assert held_out(names, 0.0) == []
    assert len(held_out(names[:3], 0.05)) == 1
    assert held_out(["one"], 0.9) == []
    assert held_out([], 0.5) == []


def test_held_out_does_not_follow_from_what_is_set_aside_for_validation():
    from bridgeseg.data.splits import set_aside

    names = [f"{number:05d}" for number in range(2000)]
    share = np.mean([set_aside(name) for name in held_out(names, 1.0, most=1000)])
    assert 0.15 < share < 0.25


def found(scores, categories, truths, iou):
    order = np.argsort(-np.array(scores), kind="stable")
    return Overlaps(
        np.array(iou, float).reshape(len(scores), len(truths))[order],
        np.array(categories, int)[order],
        np.array(scores, float)[order],
        np.array(truths, int),
        order,
        np.arange(1, len(truths) + 1),
    )


def test_the_threshold_has_the_best_f1_of_all():
    random = np.random.default_rng(5)
    for _ in range(30):
        pictures = []
        for _ in range(4):
            count, truths = random.integers(1, 8), random.integers(1, 4)
            pictures.append(
                found(
                    random.integers(1, 20, count) / 20,
                    random.integers(1, 3, count),
                    random.integers(1, 3, truths),
                    random.random((count, truths)),
                )
            )
        best = best_threshold(pictures, 3)

        def f1(threshold, pictures=pictures):
            result = average_precision(pictures, 3, "sds", (0.5,))
            hits, wrong, missed = np.sum([result.counts(c, 0.5, threshold) for c in (1, 2)], 0)
            return 2 * hits / (2 * hits + wrong + missed)

        scores = np.unique(np.concatenate([picture.scores for picture in pictures]))
        if max(f1(score) for score in scores) == 0:
            assert best == 0.5
        else:
            assert f1(best) == pytest.approx(max(f1(score) for score in scores))
            assert not np.isin(best, scores)  # between two scores: a rounding error moves nothing


def test_the_threshold_of_nothing_is_the_middle():
    assert best_threshold([], 3) == 0.5
    assert best_threshold([found([0.9], [1], [2], [[1.0]])], 3) == 0.5
    assert best_threshold([found([], [], [1], [])], 3) == OTHERWISE


def test_a_threshold_is_chosen_from_the_networks_answers(perfect):
    samples = [Scenes("val", count=3)[index] for index in range(3)]
    threshold = choose_threshold(perfect, samples)
    every = [overlaps(found_in(perfect, sample), sample) for sample in samples]
    assert threshold == best_threshold(every, len(CATEGORIES))
    assert 0 < threshold < 1


def test_true_answers_have_perfect_figures(perfect):
    scenes = Scenes("val", count=4)
    shares = []
    figures = evaluate(
        perfect,
        scenes,
        progress=lambda share, text: shares.append(share),
        grouping=lambda maps, sample: masks_from_truth(sample),
    )
    single = figures.pop("ap_r_by_category")
    assert list(single) == list(CATEGORIES[1:])
    assert all(
        list(each) == list(figures["ap_r"]) and set(each.values()) == {1.0} for each in single.values()
    )
    assert list(figures) == [
        *("mean_iou", "iou", "ap_r", "ap_r_vol", "rule", "images", "instances", "seconds_per_image")
    ]
    assert list(figures["ap_r"]) == [f"0.{digit}" for digit in range(1, 10)]
    assert set(figures["ap_r"].values()) == {1.0}
    assert figures["ap_r_vol"] == 1.0
    assert list(figures["iou"]) == list(CATEGORIES)
    assert figures["images"] == 4
    assert figures["instances"] == sum(len(np.unique(scenes[i].instances)) - 1 for i in range(4))
    assert figures["rule"] == "sds"
    assert figures["seconds_per_image"] > 0
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_true_maps_group_into_good_instances_by_every_way(perfect):
    scenes = Scenes("val", count=6)
    figures = evaluate(perfect, scenes, progress=quiet)
    baseline = evaluate_components(perfect, scenes, progress=quiet)
    oracle = evaluate_true_categories(perfect, scenes, progress=quiet)
    assert figures["mean_iou"] > 0.85  # lost at stride 2
    assert figures["ap_r"]["0.5"] > 0.9
    assert baseline["ap_r"]["0.5"] < figures["ap_r"]["0.5"] - 0.1
    assert oracle["ap_r_vol"] > figures["ap_r_vol"]
    assert baseline["mean_iou"] == figures["mean_iou"] == oracle["mean_iou"]


def test_the_rules_are_the_ones_asked_for(perfect):
    scenes = Scenes("val", count=3)
    every = [overlaps(found_in(perfect, scenes[i]), scenes[i]) for i in range(3)]
    for rule in ("sds", "mnc", "coco"):
        figures = evaluate(perfect, scenes, rule, progress=quiet)
        expected = average_precision(every, len(CATEGORIES), rule)
        assert figures["rule"] == rule
        assert figures["ap_r_vol"] == expected.ap_r_vol
        assert figures["ap_r"]["0.7"] == expected.ap_r[0.7]
    with pytest.raises(BadInput, match="voc"):
        evaluate(perfect, scenes, "voc", progress=quiet)


def test_components_are_those_of_the_category_map():
    sample = Scenes("val", count=1)[0]
    maps = Maps(true_scores(sample, len(CATEGORIES), 1), true_boxes(sample, 1), 1, sample.instances.shape)
    result = components(maps, sample)
    truth = torch.from_numpy(np.where(sample.categories == 255, 0, sample.categories))
    labels = connected_components(truth)
    sizes = sorted(int((labels == number).sum()) for number in range(1, int(labels.max()) + 1))
    assert sorted(result.masks.areas().tolist()) == [size for size in sizes if size >= 8]


@pytest.mark.parametrize("settings", [SMALL.grouping, Suppression()], ids=["voting", "suppression"])
def test_true_categories_take_the_place_of_the_scores(settings):
    sample = Scenes("val", size=64, count=1)[0]
    run = Run(torch.nn.ModuleDict(), dataclasses.replace(SMALL, grouping=settings), tuple(CATEGORIES))
    boxes = box_targets(torch.from_numpy(sample.instances)[None], 4)[0][0]
    useless = torch.full((len(CATEGORIES), 16, 16), 1 / len(CATEGORIES))
    result = with_true_categories(run, Maps(useless, boxes, 4, (64, 64)), sample)
    assert len(result)
    covered = result.masks[:].any(0).numpy()
    if settings is SMALL.grouping:  # at full resolution, so no mask leaves the true category
        for mask, category in zip(result.masks[:].numpy(), result.categories.tolist(), strict=True):
            inside = sample.categories[mask]
            assert (inside == category).mean() > 0.5
        assert not covered[(sample.categories == 0) | (sample.categories == 255)].any()


def test_masks_and_boxes_are_brought_to_the_pictures_size():
    masks = torch.zeros(1, 4, 6, dtype=torch.bool)
    masks[0, 1:3, 2:5] = True
    small = Instances.from_masks(
        masks, torch.tensor([1]), torch.tensor([0.5]), torch.tensor([[2.0, 1.0, 5.0, 3.0]])
    )
    large = at_size(small, (12, 12))
    expected = torch.zeros(12, 12, dtype=torch.bool)
    expected[3:9, 4:10] = True
    assert torch.equal(large.masks[0], expected)
    assert large.boxes.tolist() == [[4.0, 3.0, 10.0, 9.0]]
    assert at_size(small, (4, 6)) is small


class One:
    """A data set of one picture without any instance."""

    kind, root, names = "made", None, ["blank"]

    def __init__(self, categories=("background", "x", "y")):
        self.categories = categories

    def __len__(self):
        return 1

    def __getitem__(self, index):
        if index:
            raise IndexError
        blank = np.zeros((20, 30), np.uint8)
        return Sample("blank", np.zeros((20, 30, 3), np.uint8), blank, blank.astype(np.int32))


def test_what_is_not_defined_is_none_and_not_nan(monkeypatch):
    scores = torch.zeros(3, 20, 30)
    scores[0] = 1
    monkeypatch.setattr(
        batched_prediction, "maps_of", lambda run, sample: Maps(scores, torch.zeros(4, 20, 30), 1, (20, 30))
    )
    run = Run(torch.nn.ModuleDict(), SMALL, ("background", "x", "y"))
    figures = evaluate(run, One(), progress=quiet)
    assert figures["iou"] == {"background": 1.0, "x": None, "y": None}
    assert figures["ap_r"]["0.5"] is None
    assert figures["ap_r_vol"] is None
    assert figures["instances"] == 0
    assert math.isclose(figures["mean_iou"], 1.0)
    json.dumps(figures, allow_nan=False)


def test_other_categories_are_refused_but_a_single_one_may_have_any_name(perfect):
    with pytest.raises(BadInput, match=r"x, y; the run knows disc, .* … \(5\)"):
        evaluate(perfect, One(), progress=quiet)
    evaluation.check_categories(("background", "nucleus"), ("background", "object"))
    with pytest.raises(BadInput):
        evaluation.check_categories(("background", "a", "b"), ("background", "b", "a"))


def test_addresses_that_were_trained_on_are_not_scored():
    run = Run(torch.nn.ModuleDict(), SMALL, tuple(CATEGORIES), 0.5, tuple(Scenes("train", count=9).names))
    assert check_unseen(run, Scenes("val"), "val") is None
    with pytest.raises(BadInput, match="9 of the 2000"):
        check_unseen(run, Scenes("train"), "all")
    warning = check_unseen(run, Scenes("train"), "train")
    assert warning is not None
    assert "9 of the 2000" in warning
