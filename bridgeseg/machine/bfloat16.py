"""Which devices compute in bfloat16: half the bytes of float32, its range, and 8 bits of precision for its 24.

That is enough for what flows through a network in training, and too little for its weights, which stay in float32.
Built in chapter 15.
"""

from __future__ import annotations

import torch

# Instructions of processors that multiply in bfloat16, by PyTorch's names; others are slower with it than without.
NATIVE = ("avx512_bf16", "amx_bf16", "bf16")


def computes_bfloat16(device: torch.device) -> bool:
    """Return whether a device multiplies in bfloat16 itself, and not by way of float32.

    device: a GPU or the processor
    returns: False also where this PyTorch cannot tell

    Our choice: where it is emulated, as on a T4, it costs time and saves none. Built in chapter 15.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        able = torch.cpu.get_capabilities()
        return any(able.get(name, False) for name in NATIVE)
    return False
