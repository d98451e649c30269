"""What a GPU reaches at most, and what training steps reach of it.

Times are milliseconds, the median of some rounds."""

from __future__ import annotations

from typing import Any

import torch
from gpu_setting import (
    Bench,
    Setting,
    matrix_rate,
    milliseconds,
    peak_gib,
    recipe_of,
)
from staged import Say
from torch.utils.flop_counter import FlopCounterMode


def rates(say: Say, setting: Setting) -> None:
    """What the device can do at most: matrix products and copies."""
    say("bfloat16 matrix product, TFLOP/s", round(matrix_rate(setting) / 1e12, 3))
    values = torch.randn(1 << (20 if setting.small else 28), device=setting.device)
    copied = torch.empty_like(values)
    spent = milliseconds(lambda: copied.copy_(values), setting)
    say("copy on the device, read and written, GB/s", round(2 * values.nbytes / spent / 1e6, 1))


def step(say: Say, setting: Setting, name: str) -> None:
    """A training step as the package does it today, the mini-batch on the device, and its parts."""
    for which in recipe_of(name, setting).learners:
        bench = Bench(name, setting, which)
        counter = FlopCounterMode(display=False)
        with counter:
            bench.gradients()
        operations = counter.get_total_flops()
        spent = milliseconds(bench.step, setting)
        found: dict[str, Any] = {
            "batch": len(bench.batch[0]),
            "side": bench.learner.crops.side,
            "bfloat16": bench.bfloat16,
            "step ms": spent,
            "GFLOP": round(operations / 1e9, 2),
            "TFLOP/s": round(operations / spent / 1e9, 2),
            "share of the matrix rate": round(operations / (spent / 1e3) / matrix_rate(setting), 4),
        }
        say(which, found)
        parts = {
            "forward ms": bench.forward,
            "forward and loss ms": bench.loss,
            "forward, loss and backward ms": bench.gradients,
            "clip ms": bench.clip,
            "optimiser ms": bench.optimiser.step,
        }
        for part, work in parts.items():
            found[part] = milliseconds(work, setting, setting.seconds / 2)
            say(which, found)
        del bench
        found["GiB at a batch of"] = memory(name, setting, which)
        say(which, found)


def memory(name: str, setting: Setting, which: str) -> dict[str, Any]:
    """The peak memory of a step by batch, in both precisions: a part of a batch is what accumulation computes."""
    whole = recipe_of(name, setting).learners[which].optimiser.batch
    found: dict[str, Any] = {}
    for part in (1, 2, 4):
        for kind, half in (("bfloat16", True), ("float32", False)):
            bench = Bench(name, setting, which, batch=whole // part, bfloat16=half)
            found[f"{whole // part}, {kind}"] = peak_gib(bench.step, setting)
    return found
