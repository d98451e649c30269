"""Training steps with one thing otherwise: form of the statistics, layout, optimiser, compiled, as a CUDA graph."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast
from unittest import mock

import torch
from gpu_setting import (
    Bench,
    Setting,
    milliseconds,
    peak_gib,
    recipe_of,
    tuned,
    wait,
)
from staged import Say, described
from torch import Tensor, nn


class EvaluatedNorm(nn.BatchNorm2d):
    """Fixed statistics as a BatchNorm2d in evaluation mode, not folded."""

    def train(self, mode: bool = True) -> EvaluatedNorm:
        return super().train(False)


class ScaleAndShift(EvaluatedNorm):
    """Fixed statistics as a product and a sum, not folded."""

    def forward(self, x: Tensor) -> Tensor:
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale[:, None, None].to(x.dtype) + shift[:, None, None].to(x.dtype)


def variants(say: Say, setting: Setting, name: str) -> None:
    """One thing at a time otherwise than as the package does it; the first is as it does it, the last again."""
    frozen = recipe_of(name, setting).semantic.network.frozen_statistics
    changes: dict[str, dict[str, Any]] = {
        "as it is": {},
        "fused optimiser": {"fused": True},
        "pictures in torch's order, not channels last": {"channels_last": False},
        "statistics of the batch norm in evaluation mode": {"norm": EvaluatedNorm},
        "statistics as scale and shift": {"norm": ScaleAndShift},
        "cudnn.benchmark": {},
        "cudnn.benchmark, channels first": {"channels_last": False},
        "as it is, again": {},
    }
    for title, change in changes.items():
        if "norm" in change and not frozen:
            continue
        with tuned(title.startswith("cudnn")):
            try:
                bench = Bench(name, setting, **change)
                spent = milliseconds(bench.step, setting)
                say(title, {"step ms": spent, "GiB": peak_gib(bench.step, setting)})
            except RuntimeError as error:
                say(title, {"failed": described(error)})
            bench = None  # its memory is given back before the next


def compiled(say: Say, setting: Setting, name: str, mode: str | None = None, blocks: bool = False) -> None:
    """The network compiled, whole or every block of its trunk, and how long that takes."""
    bench = Bench(name, setting)
    # Nothing to compile with on a small machine: there only what is traced is tried.
    how: dict[str, Any] = {"backend": "aot_eager"} if setting.device == "cpu" else {"mode": mode}
    limit = "recompile_limit" if hasattr(torch._dynamo.config, "recompile_limit") else "cache_size_limit"
    with mock.patch.object(torch._dynamo.config, limit, 64):
        if blocks:
            inner = [m for m in bench.network.modules() if type(m).__name__ in ("Bottleneck", "BasicBlock")]
            for block in inner:
                block.compile(dynamic=False, **how)
            say("blocks", len(inner))
        else:
            bench.computing = torch.compile(bench.network, **how)
        began = time.perf_counter()
        bench.step()
        wait(setting.device)
        say("first step, compiling, s", round(time.perf_counter() - began, 1))
        began = time.perf_counter()
        bench.step()
        wait(setting.device)
        say("second step, s", round(time.perf_counter() - began, 2))
        spent = milliseconds(bench.step, setting)
        say("step ms", spent)
        say("GiB", peak_gib(bench.step, setting))
        with tuned(True):
            say("step ms, cudnn.benchmark", milliseconds(bench.step, setting))


def graph(say: Say, setting: Setting, name: str) -> None:
    """The whole step in one CUDA graph, replayed; where the loss waits for the device, the step without its targets."""
    if setting.device != "cuda":
        say("not run", "needs a GPU")
        return
    with tuned(True):
        for title, whole in (("whole step", True), ("loss a mean of the answers", False)):
            bench = Bench(name, setting, capturable=True, fused=True)

            def body(bench: Bench = bench, whole: bool = whole) -> None:
                loss = (
                    bench.loss()
                    if whole
                    else sum(a.float().square().mean() for a in bench.forward().values())
                )
                cast(Tensor, loss).backward()
                bench.clip()
                bench.optimiser.step()
                bench.optimiser.zero_grad(set_to_none=True)

            try:
                say(title, captured(body, setting))
            except RuntimeError as error:
                say(title, {"failed": described(error)})


def captured(body: Callable[[], None], setting: Setting) -> dict[str, Any]:
    """Times of something done as ever, and of its graph."""
    eager = milliseconds(body, setting)
    torch.cuda.set_sync_debug_mode("error")  # what waits would spoil the capture, and the process with it
    try:
        body()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            body()
    torch.cuda.current_stream().wait_stream(side)
    recorded = torch.cuda.CUDAGraph()
    with torch.cuda.graph(recorded):
        body()
    return {"eager ms": eager, "graph ms": milliseconds(recorded.replay, setting)}
