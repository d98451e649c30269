"""The numbers of steps come in their order, each once, and on a processor at once."""

from __future__ import annotations

import pytest
import torch

from bridgeseg.training.watch import LATE, Watch


def test_on_a_processor_nothing_is_late() -> None:
    watch = Watch(torch.device("cpu"))
    for step in range(3):
        (line,) = watch.add({"step": step}, {"loss": torch.tensor(0.5 + step), "kept": torch.tensor(1)})
        assert line == {"step": step, "loss": 0.5 + step, "kept": 1.0}
    assert watch.rest() == []


def test_on_a_gpu_a_step_is_read_a_few_steps_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Played on a processor: memory that is not pinned, and events that note when they are waited for."""
    waited = []

    class Event:
        def record(self) -> None:
            self.number = len(made)
            made.append(self)

        def synchronize(self) -> None:
            waited.append(self.number)

    made: list[Event] = []
    monkeypatch.setattr(torch.cuda, "Event", Event)
    empty = torch.empty
    monkeypatch.setattr(torch, "empty", lambda size, pin_memory: empty(size))
    watch = Watch(torch.device("cuda"))
    seen = []
    for step in range(10):
        seen += [line["step"] for line in watch.add({"step": step}, {"loss": torch.tensor(float(step))})]
        assert seen == list(range(step + 1 - LATE)), "the host is never more than so many steps ahead"
    assert waited == seen
    assert [line["loss"] for line in watch.rest()] == [7.0, 8.0, 9.0]
    assert watch.rest() == []
