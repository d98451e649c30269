"""Every public function that takes arrays, against arrays as people have them: the right value, or one ValueError.

A row is a function with arguments that are right. Each of its arrays is then given in another type, another order in
memory, another library, another shape. What means the same must give the same, or be refused; what means something else
must be refused. A refusal names the argument and says what is expected. A public function without a row fails.
"""

from __future__ import annotations

import ast
import dataclasses
import importlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from notebooks import ROOT
from torch import Tensor

from bridgeseg.data.voc_export import write_sample
from bridgeseg.grouping.voting import Maxima, Voting
from bridgeseg.measures.mask_iou import SharedPixels
from bridgeseg.networks.fcn import FCN
from bridgeseg.networks.heads import LargeFieldOfViewHead
from bridgeseg.networks.resnet import resnet
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.structures.masks import Masks
from bridgeseg.system.build import build_networks
from bridgeseg.system.presets import recipe_named

ROOMS = ("structures", "losses", "grouping", "measures", "plots")
MODULES = sorted(
    [f"{room}.{path.stem}" for room in ROOMS for path in (ROOT / "bridgeseg" / room).glob("[!_]*.py")]
    + ["data.transforms", "data.label_noise", "data.label_png", "data.voc_export"]
    + [f"networks.{name}" for name in ("fcn", "field_of_view", "preprocessing", "shift_and_interleave")]
    + [f"system.{name}" for name in ("multi_view", "prediction", "result_overlay", "result_table")]
)
ARRAYS = ("Tensor", "ndarray", "Sample", "Masks")
# What takes arrays only inside of something that is checked when it is made, or has no meaning of its own to check.
CHECKED_ELSEWHERE = {
    "structures.labels.as_array": "takes what there is",
    "structures.preconditions.expect_tensors": "is the check",
    "structures.masks.joined": "of masks that are made already",
    "voc_export.export": "of a data set; its samples are those of write_sample",
    "plots.overlays.show_instances": "of instances that are made already",
    "measures.mask_iou.overlaps": "of instances that are made already; the sample is that of shared_pixels",
    "data.label_png.read_label_png": "of a file; its colours are those that the reader of classes.txt makes",
    "data.voc_export.write_picture": "of a sample whose types were verified",
    "data.voc_export.encode_picture": "of a sample whose types were verified",
    "data.palette.number_by_colour": "of the palette that Pillow reads from a PNG",
    "plots.evaluation_sheets.judged_panel": "of a sample that was verified, and of instances that are made already",
    "system.prediction.ask_whole": "of pictures that predict_shown has verified",
    "system.prediction.maps_of": "of a sample, whose picture is that of predict_maps",
    "system.prediction.found_in": "of a sample, whose picture is that of predict_maps",
    "system.prediction.instances_of": "of a sample, whose size alone counts",
    "measures.failures.iou_of": "of SharedPixels, whose arrays are checked when they are made",
}


def tensor(*values: Any, kind: torch.dtype = torch.float32) -> Tensor:
    return torch.tensor(values, dtype=kind)


INTEGERS = partial(tensor, kind=torch.int64)
LABELS = torch.tensor([[0, 1, 1, 2], [0, 1, 3, 2], [3, 3, 3, 0]], dtype=torch.int32)
KINDS = torch.tensor([[0, 1, 1, 2], [0, 1, 1, 2], [1, 1, 1, 255]], dtype=torch.uint8)
BITS = torch.tensor([[[0, 1, 1, 0]] * 3, [[1, 0, 0, 0]] * 3]) > 0
BOXES = tensor([0, 0, 4, 2], [1, 0, 3, 3], [0, 1, 4, 3])
PICTURE = (np.arange(36).reshape(3, 4, 3) * 7).astype(np.uint8)
SAMPLE = Sample("drawn", PICTURE, KINDS.numpy(), np.where(KINDS == 255, 0, LABELS).astype(np.int32))
SCORES = tensor([[0.2, 0.1, 0.1, 0.6]] * 3, [[0.8, 0.9, 0.9, 0.4]] * 3)  # (2, 3, 4)
MAP = BOXES[0].view(4, 1, 1).expand(4, 3, 4).clone()
FOUND = (BITS, INTEGERS(1, 1), tensor(0.9, 0.8), BOXES[:2])
PIXELS = SharedPixels(
    np.array([[3, 1]]), np.array([5]), np.array([0]), np.array([4, 4]), np.array([1, 1]), np.array([1, 2])
)
LOGITS = (tensor(*range(24)).view(1, 2, 3, 4) % 5) / 4
MAXIMA = Maxima(INTEGERS(1), tensor(1.0), BOXES[:1])
CELLS = {
    "boxes": BOXES,
    "scores": tensor([0.1, 0.9], [0.2, 0.8], [0.4, 0.6]),
    "maxima": MAXIMA,
    "size": (3, 4),
    "settings": Voting(),
    "cell": 1,
}
INPUT = tensor(*range(36)).view(1, 3, 3, 4) / 36
RECIPE = recipe_named("scenes-tiny")
NETWORKS = build_networks(RECIPE, 1).eval()
TRUNK = resnet(18, output_stride=8, width=4)
NETWORK = FCN(TRUNK, LargeFieldOfViewHead(TRUNK.channels, TRUNK.strides, outputs=2), {"categories": 2}).eval()
NP_LABELS, NP_KINDS, NP_BITS = LABELS.numpy(), KINDS.numpy(), BITS.numpy()


def axes() -> Axes:
    return Figure(figsize=(1, 1), dpi=40).subplots()


def plain(**arguments: Any) -> dict[str, Any]:
    return arguments


def every_second(pictures: Tensor) -> Tensor:
    """A network of one channel and stride 2."""
    return pictures[:, :1, ::2, ::2]


def named(pictures: Tensor) -> dict[str, Tensor]:
    return {"red": every_second(pictures)}


# By module and function, the arguments of a call that is right.
ROWS: dict[str, dict[str, Any]] = {
    "networks.fcn.forward": plain(pictures=INPUT),
    "networks.field_of_view.gradient_map": plain(network=every_second, pictures=INPUT, cell=(0, 1)),
    "networks.field_of_view.effective_field_of_view": plain(seen=SCORES[0], centre=(1, 1)),
    "networks.preprocessing.normalise": plain(pictures=torch.from_numpy(PICTURE)[None]),
    "networks.preprocessing.stretch_contrast": plain(picture=PICTURE),
    "networks.shift_and_interleave.interleave": plain(network=named, pictures=INPUT, n=2, stride=2),
    "system.multi_view.at_cells": plain(scores=LOGITS, rows=tensor(0.5, 1), columns=tensor(0, 1.5, 2)),
    "system.multi_view.mean_scores": plain(
        ask=every_second, pictures=INPUT, zooms=(1.0,), mirrored=True, stride=2
    ),
    "system.prediction.as_shown": plain(picture=PICTURE, pictures=RECIPE.pictures),
    "system.prediction.predict_maps": plain(networks=NETWORKS, picture=PICTURE, recipe=RECIPE),
    "system.prediction.predict_shown": plain(networks=NETWORKS, pictures=PICTURE[None], recipe=RECIPE),
    "system.result_overlay.draw_overlay": plain(picture=PICTURE, labels=NP_LABELS),
    "system.result_overlay.shrunk": plain(picture=PICTURE, long_side=2),
    "system.result_overlay.neighbour_colours": plain(labels=NP_LABELS, count=3),
    "system.result_overlay.neighbours": plain(labels=NP_LABELS, count=3),
    "system.result_overlay.outline_pixels": plain(labels=NP_LABELS, width=1),
    "system.result_table.rows_of": plain(
        labels=LABELS,
        instances=Instances(
            Masks.from_labels(LABELS, INTEGERS(1, 2, 3)), INTEGERS(1, 1, 1), tensor(0.9, 0.8, 0.7), BOXES
        ),
        threshold=0.5,
        categories=("background", "cell"),
    ),
    "structures.boxes.in_single": plain(boxes=BOXES),
    "structures.box_encodings.encode_sides": plain(boxes=MAP[None], stride=1, scale=4.0),
    "structures.box_encodings.decode_sides": plain(encoded=MAP[None] / 4, stride=1, scale=4.0),
    "structures.boxes.instance_boxes": plain(instances=LABELS),
    "structures.boxes.tight_boxes": plain(
        number=INTEGERS(0, 1, 1), start=INTEGERS(0, 4, 8), stop=INTEGERS(2, 6, 9), count=2, width=4
    ),
    "structures.boxes.box_targets": plain(instances=LABELS[None], stride=2, most=5),
    "structures.boxes.encode": plain(boxes=MAP[None], stride=1, scale=4.0),
    "structures.boxes.decode": plain(encoded=MAP[None] / 4, stride=1, scale=4.0),
    "structures.boxes.iou": plain(first=BOXES, second=BOXES[[1, 2, 0]]),
    "structures.cells.sample_labels": plain(labels=LABELS, stride=2),
    "structures.cells.at_borders": plain(labels=LABELS),
    "structures.cells.enlarge": plain(x=LOGITS, factor=2),
    "structures.cells.straight_lines": plain(cells=2, size=4, factor=2, like=tensor(0.0)),
    "structures.cells.interpolate_at": plain(maps=LOGITS[0], place=INTEGERS(0, 7, 12), stride=2, size=(6, 8)),
    "structures.cells.spread": plain(cells=LABELS, stride=2, size=(6, 8)),
    "structures.cells.resized": plain(labels=LABELS, size=(5, 7)),
    "structures.instances.Instances": plain(
        masks=Masks.from_full(BITS), categories=FOUND[1], scores=FOUND[2], boxes=FOUND[3]
    ),
    "structures.instances.from_masks": plain(
        masks=BITS, categories=FOUND[1], scores=FOUND[2], boxes=FOUND[3]
    ),
    "structures.labels.verify": plain(sample=SAMPLE, where="drawn"),
    "structures.labels.verify_types": plain(sample=SAMPLE, where="drawn"),
    "structures.masks.from_full": plain(full=BITS),
    "structures.masks.from_pixels": plain(
        number=INTEGERS(0, 0, 1), place=INTEGERS(0, 1, 1), count=2, size=(1, 3)
    ),
    "structures.masks.from_labels": plain(labels=LABELS, numbers=INTEGERS(3, 1)),
    "structures.masks.matching": plain(maps=LABELS[None].long(), values=INTEGERS(1, 0)),
    "structures.masks.select": plain(which=INTEGERS(1, 0)),
    "structures.instances.select": plain(keep=INTEGERS(1, 0)),
    "structures.masks.taken": plain(rows=INTEGERS(0, 0, 2), columns=INTEGERS(1, 2, 3)),
    "structures.run_lengths.to_run_lengths": plain(mask=NP_BITS[0]),
    "structures.runs.places_of": plain(held=BITS),
    "structures.runs.label_runs": plain(maps=LABELS),
    "structures.runs.label_runs_of": plain(maps=NP_LABELS),
    "structures.runs.ranges": plain(first=INTEGERS(5, 0), counts=INTEGERS(2, 1)),
    "structures.runs.meet": plain(
        start=INTEGERS(2, 3), stop=INTEGERS(9, 4), other_start=INTEGERS(0, 4), other_stop=INTEGERS(3, 6)
    ),
    "structures.runs.pieces_of": plain(
        start=np.array([2, 3]),
        stop=np.array([9, 4]),
        other_start=np.array([0, 4]),
        other_stop=np.array([3, 6]),
    ),
    "losses.box_loss.size_weights": plain(boxes=MAP[None], scale=4.0),
    "losses.box_loss.smooth_l1": plain(encoded=MAP[None] / 4, target=MAP[None] / 8),
    "losses.box_loss.generalised_iou_loss": plain(predicted_boxes=MAP[None], true_boxes=MAP[None] / 2),
    "losses.box_loss.bootstrapped_box_loss": plain(
        encoded=MAP[None] / 4,
        target=MAP[None] / 8,
        predicted_boxes=MAP[None],
        true_boxes=MAP[None] / 2,
        present=BITS[:1],
        scale=4.0,
    ),
    "losses.focal_loss.focal_cross_entropy": plain(logits=LOGITS, labels=KINDS[None].clamp(max=1)),
    "losses.hard_pixels.hard_pixels": plain(easiness=SCORES, valid=BITS, threshold=0.5),
    "losses.hard_pixels.hardest_of_each": plain(easiness=SCORES, valid=BITS, share=0.5),
    "losses.hard_pixels.mean_over": plain(values=SCORES, chosen=BITS),
    "losses.hard_pixels.nan_unless_finite": plain(answer=SCORES),
    "losses.hard_pixels.pixel_entropy": plain(logits=LOGITS, labels=KINDS[None].clamp(max=1)),
    "losses.hard_pixels.bootstrapped_cross_entropy": plain(
        logits=LOGITS, labels=KINDS[None].clamp(max=1), floor=3
    ),
    "grouping.ballard.edge_kinds": plain(shape=BITS[0]),
    "grouping.ballard.ballard_votes": plain(edges=LABELS.long(), template=INTEGERS([1, 2]), reference=(0, 0)),
    "grouping.components.connected_components": plain(categories=KINDS),
    "grouping.components.component_instances": plain(scores=SCORES, stride=1, size=(3, 4), pixels=1),
    "grouping.hough.check_maps": plain(scores=SCORES, boxes=MAP),
    "grouping.hough.candidates": plain(scores=SCORES, top=1, least=0.25),
    "grouping.hough.vote_map": plain(boxes=BOXES.T, weights=tensor(1, 2, 3), size=(3, 4)),
    "grouping.hough.vote_cells": plain(boxes=BOXES.T, grid=(3, 4), cell=1),
    "grouping.hough.best_categories": plain(scores=SCORES.flatten(1).T, top=2),
    "grouping.instance_scores.parts_of_score": plain(
        number=INTEGERS(0, 0, 1),
        certain=tensor(0.5, 1, 0.25),
        overlap=tensor(0.5, 1, 0.25),
        fit=tensor(1, 0.5),
    ),
    "grouping.suppression.trace_back": plain(boxes=BOXES, maxima=INTEGERS(0, 2), overlap=0.5),
    "grouping.suppression.mask_overlaps": plain(masks=BITS),
    "grouping.suppression.who_stays": plain(over=BITS[0, :, :3]),
    "grouping.suppression.suppress_masks": plain(masks=BITS, overlap=0.5),
    "grouping.suppression.suppress_and_trace": plain(scores=SCORES, boxes=MAP, stride=1, size=(3, 4)),
    "grouping.voting.Maxima": plain(categories=INTEGERS(1), votes=tensor(1.0), boxes=BOXES[:1]),
    "grouping.voting.gather_votes": plain(scores=SCORES, boxes=MAP, stride=1, size=(3, 4), settings=Voting()),
    "grouping.voting.find_maxima": plain(votes=SCORES[1:], boxes=MAP[None], settings=Voting()),
    "grouping.voting.nearest_maxima": plain(
        places=INTEGERS(0, 5), columns=4, maxima=MAXIMA, cell=1, neighbours=1
    ),
    "grouping.voting.choose": plain(**CELLS),
    "grouping.voting.refine": plain(**CELLS),
    "grouping.voting.weighed": plain(boxes=MAP, scores=SCORES),
    "grouping.voting.vote_and_assign": plain(
        scores=SCORES, boxes=MAP, stride=1, size=(3, 4), settings=Voting(pixels=1)
    ),
    "measures.average_precision.precision_recall": plain(hits=NP_BITS[0, 0], truths=3),
    "measures.borders.near_border": plain(categories=KINDS, distance=1),
    "measures.counting.count_error": plain(scores=np.array([0.5, 0.9]), truths=[1], threshold=0.7),
    "measures.failures.failures": plain(
        instances=Instances.from_masks(*FOUND), sample=SAMPLE, threshold=0.5, categories=NP_KINDS, small=1
    ),
    "measures.failures.seen_share": plain(sample=SAMPLE, numbers=np.array([1, 3]), categories=NP_KINDS),
    "measures.failures.reasons": plain(
        pixels=PIXELS,
        categories=np.array([1]),
        answer=np.array([0]),
        unsure=np.array([True, False]),
        seen=np.array([0.5, 1.0]),
        small=1,
    ),
    "measures.mask_iou.Overlaps": plain(
        iou=np.array([[0.5, 0.25]]),
        categories=np.array([1]),
        scores=np.array([0.5]),
        true_categories=np.array([1, 2]),
        kept=None,
        true_numbers=None,
    ),
    "measures.mask_iou.SharedPixels": {
        field.name: getattr(PIXELS, field.name) for field in dataclasses.fields(PIXELS)
    },
    "measures.mask_iou.true_instances": plain(sample=SAMPLE),
    "measures.mask_iou.shared_pixels": plain(masks=Masks.from_full(BITS), truth=SAMPLE),
    "measures.mean_iou.confusion": plain(truth=NP_KINDS, prediction=NP_LABELS % 3, classes=3),
    "measures.mean_iou.mean_iou": plain(matrix=np.array([[3, 1], [0, 2]])),
    "measures.mean_iou.class_accuracy": plain(matrix=np.array([[3, 1], [0, 2]])),
    "measures.mean_iou.pixel_accuracy": plain(matrix=np.array([[3, 1], [0, 2]])),
    "plots.cell_maps.show_scores": plain(scores=SCORES[0].numpy(), ax=axes, bar=False),
    "plots.cell_maps.show_votes": plain(picture=PICTURE, votes=SCORES[0].numpy(), ax=axes, bar=False),
    "plots.cell_maps.show_box_field": plain(
        picture=PICTURE, boxes=MAP.numpy(), ax=axes, where=NP_BITS[0], groups=NP_LABELS, every=1
    ),
    "plots.cell_maps.faded": plain(picture=PICTURE),
    "plots.curves.running_mean": plain(values=np.array([4.0, 2.0, 3.0]), window=3),
    "plots.label_maps.show_picture": plain(picture=PICTURE, ax=axes),
    "plots.label_maps.show_labels": plain(labels=NP_KINDS, ax=axes),
    "plots.overlays.show_masks": plain(picture=PICTURE, masks=NP_BITS, ax=axes),
    "plots.overlays.show_boxes": plain(boxes=BOXES.numpy(), ax=axes),
    "plots.overlays.show_truth": plain(sample=SAMPLE, ax=axes),
    "plots.overlays.blend": plain(
        picture=PICTURE, masks=NP_BITS, colours=np.array([[200, 0, 0], [0, 9, 0]]), fill=0.5
    ),
    "plots.overlays.outline": plain(mask=NP_BITS[0]),
    "plots.slider.picture_png": plain(picture=PICTURE),
    "data.label_noise.mislabelled": plain(sample=SAMPLE, share=1.0, categories=4),
    "data.label_png.write_label_png": plain(path="map.png", labels=NP_LABELS, void=NP_BITS[0]),
    "data.transforms.crop": plain(sample=SAMPLE, top=0, left=1, height=2, width=2),
    "data.transforms.random_crop": plain(sample=SAMPLE, height=5, width=2, generator=np.random.default_rng),
    "data.transforms.flip": plain(sample=SAMPLE),
    "data.transforms.turn": plain(sample=SAMPLE, quarters=1),
    "data.transforms.random_flip": plain(sample=SAMPLE, generator=np.random.default_rng, upright=False),
    "data.transforms.resize": plain(sample=SAMPLE, height=5, width=7),
    "data.transforms.scale": plain(sample=SAMPLE, factor=2.0),
    "data.transforms.random_scale": plain(sample=SAMPLE, low=1.5, high=2.0, generator=np.random.default_rng),
    "data.transforms.pad": plain(sample=SAMPLE, height=5, width=7),
    "data.transforms.jitter": plain(sample=SAMPLE, generator=np.random.default_rng),
    "data.transforms.compact": plain(sample=SAMPLE),
    "data.voc_export.write_sample": plain(sample=SAMPLE, out=Path("out")),
}
# Whatever dimensions these have.
ANY_SHAPE = {
    "structures.boxes.iou": {"first", "second"},
    "structures.boxes.in_single": {"boxes"},
    "structures.cells.sample_labels": {"labels"},
    "structures.cells.at_borders": {"labels"},
    "structures.cells.straight_lines": {"like"},
    "structures.cells.spread": {"cells"},
    "structures.cells.resized": {"labels"},
    "structures.runs.places_of": {"held"},
    "losses.hard_pixels.nan_unless_finite": {"answer"},
    "plots.label_maps.show_picture": {"picture"},
    "grouping.suppression.mask_overlaps": {"masks"},
    "grouping.suppression.suppress_masks": {"masks"},
}
# Where a fraction has a meaning: labels of any type, pictures from 0 to 1.
FRACTIONS = {
    "structures.cells.sample_labels": {"labels"},
    "structures.cells.at_borders": {"labels"},
    "structures.cells.spread": {"cells"},
    "structures.cells.resized": {"labels"},
    "structures.runs.label_runs": {"maps"},
    "structures.runs.label_runs_of": {"maps"},
    "structures.masks.matching": {"maps", "values"},
    "measures.failures.reasons": {"seen"},
    "measures.mask_iou.Overlaps": {"iou", "scores"},
    "measures.counting.count_error": {"scores"},
    "plots.overlays.blend": {"colours"},
    "plots.label_maps.show_picture": {"picture"},
    "plots.overlays.show_boxes": {"boxes"},
}
# The parts of a sample that these look at.
PARTS = {
    "measures.failures.failures": ("categories", "instances"),
    "measures.failures.seen_share": ("instances",),
    "measures.mask_iou.true_instances": ("categories", "instances"),
    "measures.mask_iou.shared_pixels": ("categories", "instances"),
}
# Numbers that point into another argument: with nothing there, they point nowhere.
POINTED_AT = {
    ("grouping.suppression.trace_back", "boxes"),
    ("grouping.voting.choose", "scores"),
    ("grouping.voting.refine", "scores"),
    ("measures.failures.reasons", "categories"),
}
# How a message names what the function calls otherwise.
CALLED = {
    "full": ("masks",),
    "keep": ("which",),
    "categories": ("category map", "categories"),
    "instances": ("instance map", "instances"),
}


def written(sample: Sample, out: Path) -> list[Path]:
    """Write a sample and return its files."""
    write_sample(sample, out)
    return sorted(path for path in out.rglob("*") if path.is_file())


def function_of(name: str) -> Callable[..., Any]:
    """The function of a row, its arguments by name, and what stands for something made anew for each call."""
    module, _, last = name.rpartition(".")
    there = importlib.import_module(f"bridgeseg.{module}")
    if name in ("structures.runs.label_runs", "structures.runs.label_runs_of"):
        return lambda maps: getattr(there, last)(maps)
    if name == "measures.counting.count_error":
        return lambda scores, **others: there.count_error([scores], **others)
    if name == "networks.fcn.forward":
        return NETWORK
    if name == "data.voc_export.write_sample":
        return written
    if name == "structures.instances.select":
        return partial(Instances.select, Instances.from_masks(*FOUND))
    if name in ("structures.masks.matching", "structures.masks.taken", "structures.masks.select"):
        return partial(getattr(Masks, last), Masks.from_full(BITS))
    for owner in (there, getattr(there, "Masks", None), getattr(there, "Instances", None)):
        if hasattr(owner, last):
            return getattr(owner, last)
    raise AssertionError(f"{name}: no such function")


def flat(answer: Any) -> list[np.ndarray]:
    """The numbers of an answer, whatever it is."""
    if isinstance(answer, Axes):
        canvas = FigureCanvasAgg(answer.get_figure())
        canvas.draw()
        return [np.asarray(canvas.buffer_rgba()).copy()]
    if isinstance(answer, Path):
        return [np.frombuffer(answer.read_bytes(), np.uint8)]
    if isinstance(answer, Tensor):
        return [answer.detach().double().numpy()]
    if isinstance(answer, bytes):
        return [np.frombuffer(answer, np.uint8)]
    if isinstance(answer, dict):
        return [part for value in answer.values() for part in flat(value)]
    if isinstance(answer, Masks):
        return [answer[:].numpy()]
    if dataclasses.is_dataclass(answer):
        return [part for field in dataclasses.fields(answer) for part in flat(getattr(answer, field.name))]
    if isinstance(answer, tuple | list) and not all(isinstance(part, int | float) for part in answer):
        return [part for value in answer for part in flat(value)]
    if isinstance(answer, str) or answer is None:
        return []
    return [np.asarray(answer)]


def same(first: list[np.ndarray], second: list[np.ndarray], close: float) -> bool:
    return len(first) == len(second) and all(
        a.shape == b.shape
        and (np.array_equal(a, b) or np.allclose(a, b, rtol=close, atol=close, equal_nan=True))
        if a.dtype.kind in "fiub"
        else a.tolist() == b.tolist()
        for a, b in zip(first, second, strict=True)
    )


def meaning_the_same(given: Any) -> Iterator[tuple[str, Any]]:
    """The same values in other types, orders and libraries."""
    array = given.numpy() if isinstance(given, Tensor) else given
    home = torch.as_tensor if isinstance(given, Tensor) else np.asarray
    names = (
        ["float32", "float64", "float16"]
        if array.dtype.kind == "f"
        else ["uint8", "int32", "int64", "uint16"]
    )
    if array.dtype.kind == "b":
        names = ["uint8", "int64"]
    elif array.size and array.dtype.kind in "iu" and array.max() <= 1:
        names.append("bool")
    for name in names:
        other = array.astype(name)
        if other.dtype != array.dtype and np.allclose(other.astype(float), array.astype(float), rtol=1e-3):
            yield name, home(other.copy())
    if array.ndim > 1:
        yield "down the columns", home(array.swapaxes(0, -1).copy()).swapaxes(0, -1)
    if array.ndim:
        yield "every second", home(np.repeat(array, 2, axis=0))[::2]
    if isinstance(given, Tensor):
        yield "an array", array.copy()
        if given.is_floating_point():
            yield "with a gradient", given.clone().requires_grad_()
    else:
        yield "a tensor", torch.from_numpy(np.ascontiguousarray(array))
        yield "big-endian", array.astype(array.dtype.newbyteorder(">"))
        yield "backwards", np.flip(np.flip(array).copy())
        still = array.copy()
        still.flags.writeable = False
        yield "read-only", still
    yield "a list", array.tolist()


def meaning_another(given: Any, any_shape: bool, fractions: bool) -> Iterator[tuple[str, Any]]:
    """Other values, or none: to be refused."""
    array = given.numpy() if isinstance(given, Tensor) else given
    home = torch.as_tensor if isinstance(given, Tensor) else np.asarray
    if array.dtype.kind != "f" and not fractions:
        yield "fractions", home(array * 0.9)
    if array.dtype == bool:
        yield "0 and 255", home(array.astype(np.uint8) * 255)
    yield "complex", home(array.astype(np.complex64))
    if not any_shape:
        yield "one dimension more", home(array[None].copy())
        yield "one dimension less", home(array.reshape(-1)[0].copy() if array.ndim == 1 else array[0].copy())
    yield "words", np.full(array.shape, "word")
    yield "nothing", None


def variants(name: str) -> Iterator[tuple[str, str, Any, bool]]:
    """For each array of a row: its name, how it is given, what is given instead, and whether it means the same."""
    for argument, given in ROWS[name].items():
        if isinstance(given, Sample):
            for part in PARTS.get(name, ("picture", "categories", "instances")):
                array = getattr(given, part)
                for how, other in meaning_the_same(array):
                    yield part, how, (argument, dataclasses.replace(given, **{part: other})), True
                for how, other in meaning_another(array, False, False):
                    yield part, how, (argument, dataclasses.replace(given, **{part: other})), False
        elif isinstance(given, Masks):
            for how, other in (("in full", given[:]), ("an array", given[:].numpy()), ("nothing", None)):
                yield argument, how, (argument, other), False
        elif isinstance(given, Tensor | np.ndarray):
            for how, other in meaning_the_same(given):
                if (argument, how) not in {("which", "bool"), ("keep", "bool")}:  # which, and not whether
                    yield argument, how, (argument, other), True
            free = argument in ANY_SHAPE.get(name, ()), argument in FRACTIONS.get(name, ())
            for how, other in meaning_another(given, *free):
                if (argument, how) not in {("void", "nothing"), ("where", "nothing"), ("groups", "nothing")}:
                    yield argument, how, (argument, other), False


def call(name: str, **changed: Any) -> list[np.ndarray]:
    arguments = ROWS[name] | changed
    made = {key: value() if value in (axes, np.random.default_rng) else value for key, value in arguments.items()
            if callable(value)}  # fmt: skip
    if "generator" in arguments:
        made["generator"] = np.random.default_rng(0)
    return flat(function_of(name)(**(arguments | made)))


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize("name", ROWS)
def test_arrays_as_people_have_them_give_the_right_value_or_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    right = call(name)
    faults, looked_at = [], 0
    for part, how, (argument, other), alike in variants(name):
        looked_at += 1
        try:
            found = call(name, **{argument: other})
        except ValueError as error:
            words = CALLED.get(part, (part,))
            if not any(word in str(error) for word in words) or "expected" not in str(error):
                faults.append(f"{part} {how}: {error}")
        except Exception as error:
            faults.append(f"{part} {how}: {type(error).__name__}: {error}")
        else:
            close = 1e-2 if "float16" in how else 1e-5
            if not alike:
                faults.append(f"{part} {how}: taken in silence")
            elif not same(right, found, close):
                faults.append(f"{part} {how}: another answer")
    assert looked_at
    assert not faults, "\n".join([name, *faults])


@pytest.mark.usefixtures("drawing")
@pytest.mark.parametrize("name", ROWS)
def test_arrays_without_elements_give_an_answer_or_are_refused(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    faults = []
    for argument, given in ROWS[name].items():
        pointed_at = (name, argument) in POINTED_AT
        if isinstance(given, Tensor | np.ndarray) and given.ndim and not pointed_at:
            for axis in range(given.ndim):
                cut = tuple(slice(0 if axis == each else None) for each in range(given.ndim))
                try:
                    call(name, **{argument: given[cut]})
                except ValueError as error:
                    if "expected" not in str(error):
                        faults.append(f"{argument} without axis {axis}: {error}")
                except Exception as error:
                    faults.append(f"{argument} without axis {axis}: {type(error).__name__}: {error}")
    assert not faults, "\n".join([name, *faults])


def takers(module: str) -> set[str]:
    """The public functions of a module, and the makers of its classes, whose arguments hold arrays."""
    tree = ast.parse((ROOT / "bridgeseg" / f"{module.replace('.', '/')}.py").read_text("utf8"))
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            given = [*node.args.args, *node.args.kwonlyargs, *filter(None, [node.args.vararg])]
            said = " ".join(ast.unparse(each.annotation) for each in given if each.annotation)
            if any(word in said for word in ARRAYS):
                found.add(f"{module}.{node.name}")
    inner = {
        f"{module}.{each.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        for each in ast.walk(node)
        if isinstance(each, ast.FunctionDef) and each is not node
    }
    return found - inner


def test_every_public_function_that_takes_arrays_has_a_row() -> None:
    asked = set().union(*map(takers, MODULES))
    assert len(asked) > 80
    elsewhere = {name for name in asked if any(name.endswith(other) for other in CHECKED_ELSEWHERE)}
    assert sorted(asked - elsewhere - set(ROWS)) == []
