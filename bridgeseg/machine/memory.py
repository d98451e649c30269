"""Whether an error means that memory was not enough.

Built in chapter 12.
"""

from __future__ import annotations

import torch


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that memory was not enough, of the processor or of a GPU.

    error: what was raised. PyTorch has an error of its own for a GPU; of the processor's memory it says so in a
        RuntimeError by the name of its allocator

    Built in chapter 12.
    """
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)
    )
