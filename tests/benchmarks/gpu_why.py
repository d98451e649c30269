"""Where the time of a training step goes, and what other forms of its parts would take."""

from __future__ import annotations

import collections
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from gpu_setting import (
    CHANNELS_LAST,
    COUNTS,
    Bench,
    Setting,
    matrix_rate,
    milliseconds,
    recipe_of,
    samples_of,
    tuned,
    wait,
)
from staged import Say, described
from torch import Tensor, nn

from bridgeseg.structures.cells import enlarge
from bridgeseg.training.store import load
from bridgeseg.training.trainer import Trainer
from bridgeseg.training.windows import Batch


def profile(say: Say, setting: Setting, name: str) -> None:
    """Where a step's time goes: by operation and shape, by kernel, and by kind of kernel. Milliseconds of a step."""
    bench = Bench(name, setting)
    for _ in range(1 if setting.small else 4):
        bench.step()
    wait(setting.device)
    cuda = setting.device == "cuda"
    activities = [torch.profiler.ProfilerActivity.CPU]
    activities += [torch.profiler.ProfilerActivity.CUDA] if cuda else []
    steps = 1 if setting.small else 3
    with torch.profiler.profile(activities=activities, record_shapes=True) as seen:
        for _ in range(steps):
            bench.step()
        wait(setting.device)

    def own(event: Any) -> float:
        return (
            float(getattr(event, "self_device_time_total" if cuda else "self_cpu_time_total")) / steps / 1e3
        )

    def on_device(event: Any) -> bool:
        return "CUDA" in str(event.device_type)

    # What the optimiser and the profiler mark as theirs stands for kernels that are listed themselves.
    events = [e for e in seen.key_averages() if not e.key.startswith(("Optimizer.", "ProfilerStep"))]
    say("device ms of a step", round(sum(own(e) for e in events if on_device(e) or not cuda), 2))
    kernels = sorted((e for e in events if on_device(e) or not cuda), key=own, reverse=True)
    kinds: collections.Counter[str] = collections.Counter()
    for event in kernels:
        kinds[kind_of(event.key)] += own(event)
    say("by kind", {kind: round(spent, 2) for kind, spent in kinds.most_common()})
    say("by kernel", [[round(own(e), 3), e.count // steps, e.key[:160]] for e in kernels[:25]])
    shaped = [e for e in seen.key_averages(group_by_input_shape=True) if not on_device(e)]
    shaped.sort(key=own, reverse=True)
    say(
        "by operation and shape",
        [[round(own(e), 3), e.count // steps, e.key, str(e.input_shapes)[:140]] for e in shaped[:25]],
    )


# Parts of the names of kernels, the first that fits says the kind.
KINDS = {
    "weight gradient": ("wgrad",),
    "input gradient": ("dgrad",),
    "convolution": ("fprop", "conv", "implicit", "xmma", "winograd"),
    "matrix product": ("gemm", "cutlass", "nvjet", "cublas", "addmm", "bmm"),
    "normalisation": ("batch_norm", "bn_", "batchnorm"),
    "layout": ("nchwtonhwc", "nhwctonchw", "transpose", "permute"),
    "pooling": ("pool",),
    "interpolation": ("upsample", "interpolate"),
    "optimiser": ("multi_tensor", "foreach", "adam", "sgd"),
    "sum": ("reduce", "sum"),
    "copy": ("memcpy", "copy", "memset", "fill"),
    "elementwise": ("elementwise", "vectorized", "triton_poi"),
}


def kind_of(kernel: str) -> str:
    """Return what kind of work a kernel does, by its name."""
    small = kernel.lower()
    return next((kind for kind, parts in KINDS.items() if any(part in small for part in parts)), "other")


def waiting(say: Say, setting: Setting, name: str) -> None:
    """Whether a step waits for the device: by the networks and the loss alone, and by the trainer's own step."""
    if setting.device != "cuda":
        say("not run", "needs a GPU")
        return
    bench = Bench(name, setting)
    say("networks, loss, optimiser", synchronisations(bench.step))
    store = load(samples_of(name, 4), range(4), device=setting.device)
    trainer = Trainer(recipe_of(name, setting), store, COUNTS[name], device=setting.device)
    trainer.networks.train()
    say("the trainer's step", synchronisations(lambda: trainer.step(Batch(*bench.batch, bench.most))))


def synchronisations(work: Callable[[], object]) -> dict[str, Any]:
    """Whether it passes where waiting is an error, and every line that waits, with how often."""
    work()
    torch.cuda.synchronize()
    found: dict[str, Any] = {"passes": True}
    torch.cuda.set_sync_debug_mode("error")
    try:
        work()
    except RuntimeError as error:
        found = {"passes": False, "said": described(error)}
    finally:
        torch.cuda.set_sync_debug_mode("default")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            work()
        finally:
            torch.cuda.set_sync_debug_mode("default")
    lines = collections.Counter(f"{'/'.join(w.filename.split('/')[-2:])}:{w.lineno}" for w in caught)
    return found | {"waits": dict(lines.most_common(12))}


def convolutions(say: Say, setting: Setting) -> None:
    """The convolutions of the trunk of voc one by one: forward, gradient of the input, gradient of the weights."""
    n, s, c = (2, 15, 16) if setting.small else (16, 63, 256)
    shapes = {  # batch, channels in, channels out, kernel, dilation, side
        "1×1, 1024 to 256": (n, 4 * c, c, 1, 1, s),
        "1×1, 256 to 1024": (n, c, 4 * c, 1, 1, s),
        "3×3, 256, dilation 1": (n, c, c, 3, 1, s),
        "3×3, 256, dilation 2": (n, c, c, 3, 2, s),
        "3×3, 256, dilation 2 as four pictures of half the side": (4 * n, c, c, 3, 1, (s + 1) // 2),
        "1×1, 2048 to 512": (n, 8 * c, 2 * c, 1, 1, s),
        "3×3, 512, dilation 2": (n, 2 * c, 2 * c, 3, 2, s),
        "3×3, 512, dilation 4": (n, 2 * c, 2 * c, 3, 4, s),
        "3×3, 512, dilation 4 as sixteen pictures of a quarter": (16 * n, 2 * c, 2 * c, 3, 1, (s + 3) // 4),
        "3×3, 64, dilation 1, stride 4": (n, c // 4, c // 4, 3, 1, 2 * s - 1),
    }
    kind = torch.bfloat16
    for benchmark in (False, True):
        with tuned(benchmark):
            for title, (batch, inputs, outputs, kernel, dilation, side) in shapes.items():
                x = (
                    torch.randn(batch, inputs, side, side, device=setting.device)
                    .to(kind)
                    .to(memory_format=CHANNELS_LAST)
                )
                w = torch.randn(outputs, inputs, kernel, kernel, device=setting.device).to(kind)
                w = w.to(memory_format=CHANNELS_LAST)
                padding = dilation * (kernel // 2)
                forward = partial(F.conv2d, x, w, None, 1, padding, dilation)
                given = torch.randn_like(forward())
                operations = 2 * given.numel() * inputs * kernel * kernel

                def back(
                    mask: list[bool], x=x, w=w, given=given, padding=padding, dilation=dilation
                ) -> object:
                    return torch.ops.aten.convolution_backward(
                        given, x, w, None, [1, 1], [padding] * 2, [dilation] * 2, False, [0, 0], 1, mask
                    )

                works = {
                    "forward": forward,
                    "input gradient": partial(back, [True, False, False]),
                    "weight gradient": partial(back, [False, True, False]),
                }
                found: dict[str, Any] = {}
                for part, work in works.items():
                    spent = milliseconds(work, setting, setting.seconds / 5)
                    share = round(operations / (spent / 1e3) / matrix_rate(setting), 3)
                    found[part] = {"ms": spent, "share of the matrix rate": share}
                say(title + (", cudnn.benchmark" if benchmark else ""), found)


class Padded(nn.Module):
    """A convolution with more outputs than are wanted, the others cut off."""

    def __init__(self, layer: nn.Conv2d, outputs: int) -> None:
        super().__init__()
        self.layer, self.more = layer, outputs - layer.out_channels

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        weight, bias = F.pad(layer.weight, (0, 0) * 3 + (0, self.more)), F.pad(layer.bias, (0, self.more))
        answer = F.conv2d(x, weight, bias, 1, layer.padding, layer.dilation)
        return answer[:, : layer.out_channels]


class Shifted(nn.Module):
    """A convolution with a few outputs as a matrix product for every place of its kernel, moved there and summed."""

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        layer = self.layer
        kernel, dilation = layer.kernel_size[0], layer.dilation[0]
        # (outputs · k · k, c): what cell q gives to the cell that sees it at each place of the kernel
        weight = layer.weight.flip(2, 3).permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        given = torch.matmul(weight, x.flatten(2))  # (n, outputs · k · k, h · w)
        padding = dilation * (kernel - 1) // 2
        summed = F.fold(given, x.shape[-2:], kernel, dilation=dilation, padding=padding)
        return summed + layer.bias[:, None, None].to(summed.dtype)


def head(say: Say, setting: Setting) -> None:
    """The 5×5 head of voc with dilation 12, forward and backward, in several forms that give the same."""
    n, channels, side = (1, 16, 29) if setting.small else (16, 2048, 63)
    x = torch.randn(n, channels, side, side, device=setting.device).to(memory_format=CHANNELS_LAST)
    for outputs in (21, 4):
        layer = nn.Conv2d(channels, outputs, 5, padding=24, dilation=12).to(setting.device)
        layer = layer.to(memory_format=CHANNELS_LAST)
        expected = layer(x[:1]).detach()
        forms: dict[str, nn.Module] = {"as it is": layer, "matrix products": Shifted(layer)}
        forms |= {f"padded to {more}": Padded(layer, more) for more in (8, 16, 24, 32, 64) if more > outputs}
        for benchmark in (False, True):
            for title, form in forms.items():
                error = float((form(x[:1]) - expected).detach().abs().max())
                pictures = x.bfloat16().requires_grad_()

                def work(form: nn.Module = form, pictures: Tensor = pictures) -> None:
                    with torch.autocast(setting.device, torch.bfloat16):
                        answer = form(pictures)
                    answer.backward(torch.ones_like(answer))
                    pictures.grad = None

                with tuned(benchmark):
                    spent = milliseconds(work, setting, setting.seconds / 2)
                said = f"{outputs} outputs, {title}" + (", cudnn.benchmark" if benchmark else "")
                say(said, {"forward and backward ms": spent, "largest difference": round(error, 6)})


def enlarging(say: Say, setting: Setting) -> None:
    """Maps made finer where they learn: by matrix products, and by torch's interpolation; forward and backward."""
    cases = {  # shape, factor
        "scenes-full, deep": ((64, 128, 6, 6), 4),
        "scenes-full, labels": ((64, 6, 24, 24), 4),
        "nuclei-full, deep": ((32, 128, 16, 16), 8),
        "nuclei-full, lateral": ((32, 64, 64, 64), 2),
    }
    for title, (shape, factor) in cases.items():
        shape = (2, *shape[1:]) if setting.small else shape
        x = (
            torch.randn(shape, device=setting.device)
            .bfloat16()
            .to(memory_format=CHANNELS_LAST)
            .requires_grad_()
        )
        size = (shape[2] * factor, shape[3] * factor)
        given = (
            torch.randn(*shape[:2], *size, device=setting.device).bfloat16().to(memory_format=CHANNELS_LAST)
        )

        def interpolated(x: Tensor = x, factor: int = factor, size: tuple[int, int] = size) -> Tensor:
            more = torch.cat([x, x[..., -1:, :]], dim=-2)
            more = torch.cat([more, more[..., -1:]], dim=-1)
            reach = [(side - 1) * factor + 1 for side in more.shape[-2:]]
            return F.interpolate(more, size=reach, mode="bilinear", align_corners=True)[
                ..., : size[0], : size[1]
            ]

        for how, work in (
            ("matrix products", partial(enlarge, x, factor, size)),
            ("interpolation", interpolated),
        ):
            forward = milliseconds(work, setting, setting.seconds / 3)
            both = milliseconds(
                lambda work=work, given=given, x=x: torch.autograd.grad(work(), x, given),
                setting,
                setting.seconds / 3,
            )
            say(f"{title}, {how}", {"forward ms": forward, "forward and backward ms": both})
