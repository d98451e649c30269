"""Precision: bfloat16 only where a device computes in it, whatever the PyTorch."""

from __future__ import annotations

import pytest
import torch

from bridgeseg.machine.bfloat16 import computes_bfloat16

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    "able, expected",
    [
        ({}, False),
        ({"architecture": "x86_64", "avx512_f": True, "avx512_bf16": False}, False),
        ({"architecture": "x86_64", "avx512_f": True, "avx512_bf16": True}, True),
        ({"architecture": "x86_64", "amx_bf16": True}, True),
        ({"architecture": "arm64", "bf16": True}, True),
        ({"architecture": "arm64", "fp16_arith": True}, False),
    ],
)
def test_a_processor_by_its_instructions(
    able: dict[str, object], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: able, raising=False)
    assert computes_bfloat16(CPU) is expected


def test_a_pytorch_that_cannot_tell_computes_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert computes_bfloat16(CPU) is False


@pytest.mark.parametrize("native", [False, True])
def test_a_gpu_that_emulates_it_does_not_count(native: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def supported(including_emulation: bool = True) -> bool:
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", supported)
    assert computes_bfloat16(CUDA) is native
