"""Mask R-CNN beside ours, the same minutes on the same scenes: `python tests/benchmarks/mask_rcnn.py --minutes 8`.

Detect, then segment, in its usual form: torchvision's Mask R-CNN on a ResNet-18 with a feature pyramid, from scratch,
since ours has seen no other pictures either. What is set for it and why:

- batch statistics are learned, not frozen: frozen ones make sense after pretraining only
- scenes are enlarged to --side pixels, and anchors of 16 to 128 pixels then fit objects of 12 to 40 pixels of the scene
- 256 proposals a picture and 64 samples a head instead of 2000 and 512: a scene has 3 to 8 objects
- narrow heads: the usual ones take most of a step, and on two cores leave it a few dozen steps in the minutes;
  --heads usual has torchvision's own
- AdamW with the schedule of ours, scenes mirrored and their colours changed as for ours

Both train one after the other on the same samples in memory and are scored by the same AP^r of SDS on the same unseen
scenes. Prints JSON; `ratio` is theirs over ours.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from stored_result import arguments, origin, publish
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.mask_rcnn import MaskRCNNHeads, MaskRCNNPredictor
from torchvision.models.detection.rpn import AnchorGenerator

from bridgeseg.data.scenes import CATEGORIES, Scenes
from bridgeseg.measures.average_precision import average_precision
from bridgeseg.measures.mask_iou import overlaps, true_instances
from bridgeseg.structures.boxes import instance_boxes
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.labels import Sample
from bridgeseg.system.prediction import group, predict_maps
from bridgeseg.system.presets import recipe_named
from bridgeseg.system.recipe import Learner, Recipe
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.optimiser import rate_at
from bridgeseg.training.store import Store, load
from bridgeseg.training.trainer import Trainer

RATE, BATCH = 1e-3, 4
Finder = Callable[[Sample], Instances]


def make_mask_rcnn(side: int, heads: str = "narrow") -> MaskRCNN:
    """Torchvision's network with the settings that the head of this file gives reasons for."""
    backbone = resnet_fpn_backbone(
        backbone_name="resnet18", weights=None, norm_layer=nn.BatchNorm2d, trainable_layers=5
    )
    classes, channels = len(CATEGORIES), backbone.out_channels
    options: dict[str, Any] = {"num_classes": classes}
    if heads == "narrow":
        options = {
            "box_head": TwoMLPHead(channels * 7 * 7, 256),
            "box_predictor": FastRCNNPredictor(256, classes),
            "mask_head": MaskRCNNHeads(channels, (64, 64), 1),
            "mask_predictor": MaskRCNNPredictor(64, 64, classes),
        }
    return MaskRCNN(
        backbone,
        min_size=side,
        max_size=side,
        rpn_anchor_generator=AnchorGenerator(((16,), (32,), (64,), (96,), (128,)), ((0.5, 1.0, 2.0),) * 5),
        rpn_pre_nms_top_n_train=512,
        rpn_post_nms_top_n_train=256,
        rpn_pre_nms_top_n_test=512,
        rpn_post_nms_top_n_test=256,
        box_batch_size_per_image=64,
        box_detections_per_img=100,
        **options,
    )


def target_of(categories: Tensor, instances: Tensor) -> dict[str, Tensor]:
    """The truth of one picture as torchvision wants it; half-open boxes fit its continuous ones."""
    sample = Sample("", np.zeros((*categories.shape, 3), np.uint8), categories.numpy(), instances.numpy())
    numbers, kinds = true_instances(sample)
    picked = torch.from_numpy(numbers)
    return {
        "boxes": instance_boxes(instances)[picked],
        "labels": torch.from_numpy(kinds).long(),
        "masks": (instances == picked[:, None, None]).to(torch.uint8),
    }


def train_mask_rcnn(
    store: Store, learner: Learner, seconds: float, side: int, heads: str
) -> tuple[MaskRCNN, int]:
    """Train for so many seconds; returns the network and the number of steps."""
    torch.manual_seed(0)
    recipe = learner.optimiser
    network = make_mask_rcnn(side, heads).train()
    optimiser = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=recipe.decay)
    batches = Batches(store, learner.crops, batch=recipe.batch, seed=0).ahead(0)
    began, step = time.monotonic(), 0
    try:
        while (done := (time.monotonic() - began) / seconds) < 1:
            for group_ in optimiser.param_groups:
                group_["lr"] = RATE * rate_at(done, recipe.warm_up, recipe.power)
            batch = next(batches)
            # A part of our batch: its steps are much longer, and more of them help it more than larger ones.
            pictures = [picture.permute(2, 0, 1).float() / 255 for picture in batch.pictures[:BATCH]]
            targets = [target_of(c, i) for c, i in zip(batch.categories[:BATCH], batch.instances[:BATCH])]
            loss = sum(network(pictures, targets).values())
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimiser.step()
            step += 1
    finally:
        batches.close()
    return network.eval(), step


def found_by_mask_rcnn(network: MaskRCNN) -> Finder:
    """A function from a sample to what Mask R-CNN finds in it."""

    def find(sample: Sample) -> Instances:
        picture = torch.from_numpy(sample.picture).permute(2, 0, 1).float() / 255
        answer = network([picture])[0]
        masks = answer["masks"][:, 0] > 0.5
        return Instances.from_masks(masks, answer["labels"], answer["scores"], answer["boxes"]).sorted()

    return find


def found_by_ours(networks: nn.ModuleDict, recipe: Recipe) -> Finder:
    """A function from a sample to what our networks and grouping find in it."""
    return lambda sample: group(predict_maps(networks, sample.picture, recipe), recipe.grouping)


@torch.inference_mode()
def measure(find: Finder, scenes: Scenes) -> dict[str, Any]:
    """AP^r by the rule of SDS, and the milliseconds of a picture."""
    looks, taken = [], []
    for index in range(len(scenes)):
        sample = scenes[index]
        start = time.perf_counter()
        found = find(sample)
        taken.append(1000 * (time.perf_counter() - start))
        looks.append(overlaps(found, sample))
    figures = average_precision(looks, len(CATEGORIES))
    return {
        "ap_r 0.5": round(figures.ap_r[0.5], 4),
        "ap_r 0.7": round(figures.ap_r[0.7], 4),
        "ap_r_vol": round(figures.ap_r_vol, 4),
        "ms a picture": round(statistics.median(taken), 1),
    }


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=8.0, help="of training, each")
    parser.add_argument("--pictures", type=int, default=200, help="unseen scenes to measure on")
    parser.add_argument("--side", type=int, default=144, help="pixels to which Mask R-CNN enlarges a scene")
    parser.add_argument("--heads", choices=("narrow", "usual"), default="narrow", help="of Mask R-CNN")
    parser.add_argument("--recipe", default="scenes-fast", help="of ours")
    given = parser.parse_args()
    recipe = recipe_named(given.recipe).with_minutes(given.minutes)
    report: dict[str, Any] = origin() | {
        "minutes": given.minutes,
        "pictures": given.pictures,
        "side": given.side,
        "heads": given.heads,
    }
    side = recipe.semantic.crops.side
    scenes = Scenes("train", side, recipe.pictures.scenes)
    began = time.monotonic()
    store = load(scenes, range(len(scenes)))
    spent = time.monotonic() - began  # both are charged for it
    left = 60 * given.minutes - spent
    if left <= 0:
        parser.error(f"--minutes {given.minutes}: drawing the scenes alone took {spent:.0f} s; expected more")
    unseen = Scenes("val", side, given.pictures)

    trainer = Trainer(recipe, store, len(CATEGORIES) - 1, spent=spent)
    networks = trainer.run()
    report["ours"] = measure(found_by_ours(networks, recipe), unseen) | {
        "steps": trainer.done_steps,
        "pictures a step": recipe.semantic.optimiser.batch,
        "parameters": sum(p.numel() for p in networks.parameters()),
    }
    network, steps = train_mask_rcnn(store, recipe.semantic, left, given.side, given.heads)
    report["mask r-cnn"] = measure(found_by_mask_rcnn(network), unseen) | {
        "steps": steps,
        "pictures a step": BATCH,
        "parameters": sum(p.numel() for p in network.parameters()),
    }
    report["ratio"] = {
        key: round(report["mask r-cnn"][key] / report["ours"][key], 3) if report["ours"][key] else None
        for key in ("ap_r 0.5", "ap_r 0.7", "ap_r_vol", "ms a picture")
    }
    publish("mask-rcnn", report, given.store)


if __name__ == "__main__":
    main()
