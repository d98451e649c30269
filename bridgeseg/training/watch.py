"""What the host learns of the steps of a device: a few steps late, so that neither waits for the other.

A GPU is told what to do and goes on with it by itself; to ask it for a number is to wait until it has done all that it
was told. So the numbers of a step are copied into memory of the host as part of what it was told, and read three steps
later, when they have long been there. Should they not be there, the host waits for them: it is never more than three
steps ahead, and a training that ends by the clock ends at the minute. A processor is never ahead.

Built in chapter 6.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import torch
from torch import Tensor

LATE = 3  # steps


class Watch:
    """The numbers of the steps of a training, in their order, each handed out once.

    device: where the steps are computed

    Built in chapter 6.
    """

    def __init__(self, device: torch.device) -> None:
        self.late = LATE if device.type == "cuda" else 0
        self.waiting: deque[tuple[dict[str, Any], list[str], Tensor, Any]] = deque()

    def add(self, facts: dict[str, Any], numbers: dict[str, Tensor]) -> list[dict[str, Any]]:
        """Take the numbers of a step, and return those that have arrived.

        facts: what the host knows of the step
        numbers: () float tensors by name, on the device
        returns: for each of the steps before that have arrived, its facts and its numbers as floats, the oldest first

        Built in chapter 6.
        """
        values = torch.stack([value.detach().float() for value in numbers.values()])  # (k,)
        arrived = None
        if self.late:
            values = torch.empty(len(values), pin_memory=True).copy_(values, non_blocking=True)
            arrived = torch.cuda.Event()
            arrived.record()
        self.waiting.append((facts, list(numbers), values, arrived))
        return self._take(len(self.waiting) - self.late)

    def rest(self) -> list[dict[str, Any]]:
        """Return all that has not been handed out yet, as `add`, and wait for it.

        returns: as `add`

        Built in chapter 6.
        """
        return self._take(len(self.waiting))

    def _take(self, count: int) -> list[dict[str, Any]]:
        taken = []
        for _ in range(count):
            facts, names, values, arrived = self.waiting.popleft()
            if arrived is not None:
                arrived.synchronize()
            taken.append({**facts, **dict(zip(names, values.tolist()))})
        return taken
