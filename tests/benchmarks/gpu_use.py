"""A GPU in use: training with its makers of mini-batches, prediction, and figures in bfloat16."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from unittest import mock

import numpy as np
import torch
from gpu_setting import (
    CHANNELS_LAST,
    COUNTS,
    FULL,
    PICTURES,
    Bench,
    Setting,
    milliseconds,
    recipe_of,
    samples_of,
    tuned,
)
from staged import Say

import bridgeseg.training.trainer as trainer_module
from bridgeseg.data.scenes import Scenes
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.labels import Sample
from bridgeseg.system import evaluation
from bridgeseg.system.batched_prediction import PIXELS, predict_together, rounded
from bridgeseg.system.build import answers, build_networks
from bridgeseg.system.checkpoint import Run, load_run
from bridgeseg.system.prediction import Maps, predict_maps
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.store import load
from bridgeseg.training.trainer import Trainer


def mini_batches(say: Say, setting: Setting) -> None:
    """Mini-batches alone: made on the device from pictures that lie there, and by one thread of the processor."""
    for name in FULL:
        learner = recipe_of(name, setting).semantic
        drawn = samples_of(name, 4 if setting.small else 48)
        found = {}
        for place in {setting.device, "cpu"}:
            batches = Batches(
                load(drawn, range(len(drawn)), device=place),
                learner.crops,
                batch=learner.optimiser.batch,
                seed=0,
            )
            step = iter(range(1_000_000))
            found[f"{place} ms"] = milliseconds(
                lambda batches=batches, step=step: batches(next(step)), setting, setting.seconds / 2
            )
        say(name, found)


def training(say: Say, setting: Setting, name: str) -> None:
    """A run of the real trainer, pictures in memory and mini-batches made beside: steps a second, and the waiting."""
    seconds = 3.0 if setting.small else 10.0
    recipe = recipe_of(name, setting)
    drawn = samples_of(name, 8 if setting.small else 96)
    alone = {}
    for which in recipe.learners:
        bench = Bench(name, setting, which)
        alone[which] = milliseconds(bench.step, setting, setting.seconds / 2)
        del bench
    store = load(drawn, range(len(drawn)), device=setting.device)
    trainer = Trainer(recipe.with_minutes(seconds / 60), store, COUNTS[name], device=setting.device)
    every = mock.patch.object(trainer_module, "LOG_EVERY", 5)
    with every:
        trainer.run()
    for which in recipe.learners:
        lines = [line for line in trainer.log if line["network"] == which]
        # The first third warms up.
        lines = lines[len(lines) // 3 :]
        found: dict[str, Any] = {"step ms, mini-batch on the device": alone[which]}
        if len(lines) > 1:
            rate = (lines[-1]["step"] - lines[0]["step"]) / (lines[-1]["seconds"] - lines[0]["seconds"])
            found["steps a second"] = round(rate, 2)
            found["share of the time without a mini-batch"] = round(
                max(0.0, 1 - rate * alone[which] / 1e3), 3
            )
            found["steps counted"] = lines[-1]["step"] - lines[0]["step"]
        else:
            found["steps a second"] = f"too few steps in {seconds:g} s"
        say(which, found)


@torch.no_grad()
def prediction(say: Say, setting: Setting) -> None:
    """Pictures through trained networks' shapes: one at a time and many, in float32 and in bfloat16."""
    random = np.random.default_rng(0)
    for name in ("voc", "scenes-full", "nuclei-full"):
        recipe = recipe_of(name, setting)
        torch.manual_seed(0)
        with torch.device(setting.device):
            networks = build_networks(recipe, COUNTS[name], pretrained=False)
        networks = networks.to(memory_format=CHANNELS_LAST).eval()
        size = PICTURES[name][:2]
        picture = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        many = {"voc": 8, "scenes-full": 64, "nuclei-full": 16}[name] if not setting.small else 2
        pictures = torch.from_numpy(random.integers(0, 256, (many, *size, 3), dtype=np.uint8)).to(
            setting.device
        )
        for benchmark in (False, True):
            for kind, used in (("float32", networks), ("bfloat16", rounded(networks))):
                with (
                    tuned(benchmark),
                    torch.autocast(setting.device, torch.bfloat16, enabled=used is not networks),
                ):
                    one = milliseconds(
                        partial(predict_maps, used, picture, recipe), setting, setting.seconds / 2
                    )
                    together = milliseconds(
                        lambda used=used, pictures=pictures: answers(used, normalise(pictures)),
                        setting,
                        setting.seconds / 2,
                    )
                title = f"{name}, {size[1]} × {size[0]}, {kind}" + (", cudnn.benchmark" if benchmark else "")
                say(title, {"one picture ms": one, f"a picture of {many} ms": round(together / many, 3)})


def figures(say: Say, setting: Setting) -> None:
    """Whether bfloat16 changes what trained networks find: those that ship, on scenes that they have not seen."""
    count = 4 if setting.small else 150
    run = load_run("scenes", setting.device)
    unseen = Scenes("val", count=count)
    found: dict[str, dict[str, float]] = {}
    for kind, least in (("float32", None), ("bfloat16", 0)):

        def maps_of_all(run: Run, samples: Sequence[Sample], least: int | None = least) -> list[Maps]:
            return predict_together(run, [sample.picture for sample in samples], PIXELS, least)

        with mock.patch.object(evaluation, "maps_of_all", maps_of_all):
            measured = evaluation.evaluate(run, unseen)
        ap = measured["ap_r"]
        found[kind] = {
            "mean IoU": measured["mean_iou"],
            **{f"AP^r {rule}": ap[rule] for rule in ("0.5", "0.7")},
            "AP^r vol": measured["ap_r_vol"],
        }
        say(f"scenes, {count} pictures, {kind}", found[kind] | {"s a picture": measured["seconds_per_image"]})
    say(
        "bfloat16 less float32",
        {title: round(found["bfloat16"][title] - found["float32"][title], 5) for title in found["float32"]},
    )
