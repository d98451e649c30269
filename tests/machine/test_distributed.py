"""Several processes compute one loss of all their pictures, each with the gradient of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from bridgeseg.losses.hard_pixels import bootstrapped_cross_entropy
from bridgeseg.machine import distributed
from bridgeseg.machine.distributed import gathered, processes, rank, total
from bridgeseg.structures.labels import VOID

ARGUMENTS = (
    {"threshold": 0.3, "floor": 20},
    {"floor": 150, "threshold": 0.01},
    {"exactly": 30},
    {"exactly": 190},
)

PROGRAM = """
import sys, torch, torch.distributed as dist
from bridgeseg.losses.hard_pixels import bootstrapped_cross_entropy
from bridgeseg.machine.distributed import gathered, processes, rank, total

given, store, number, out = sys.argv[1:]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{store}", rank=int(number), world_size=2)
logits, labels, arguments = torch.load(given, weights_only=True)
own = logits[rank() : rank() + 1].clone().requires_grad_()
found = []
for each in arguments:
    own.grad = None
    answer = bootstrapped_cross_entropy(gathered(own), gathered(labels[rank() : rank() + 1]), **each)
    answer.loss.backward()
    found.append([answer.loss.detach(), answer.kept, answer.threshold, own.grad.clone()])
torch.save({"found": found, "processes": processes(), "total": total(torch.tensor(3.0 + rank()))}, out)
dist.destroy_process_group()
"""


@pytest.mark.slow
def test_two_processes_have_the_loss_of_one_and_each_its_own_gradient(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(3)
    logits = 2 * torch.randn(2, 5, 9, 11, generator=generator)
    labels = torch.randint(0, 5, (2, 9, 11), generator=generator, dtype=torch.uint8)
    labels[0, :6] = VOID  # one has many valid pixels, the other few; a floor of 150 is more than either has
    labels[1, :1] = VOID
    torch.save((logits, labels, list(ARGUMENTS)), tmp_path / "given")
    settings = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    group = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                PROGRAM,
                tmp_path / "given",
                tmp_path / "store",
                str(n),
                tmp_path / f"out{n}",
            ],
            env=settings,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(2)
    ]
    try:
        for process in group:
            said = process.communicate(timeout=500)[1]
            assert process.returncode == 0, said
    finally:
        for process in group:  # one waits for half an hour for another that has failed
            process.kill()
    answers = [torch.load(tmp_path / f"out{n}", weights_only=True) for n in range(2)]
    assert [answer["processes"] for answer in answers] == [2, 2]
    assert [float(answer["total"]) for answer in answers] == [7.0, 7.0]
    for number, arguments in enumerate(ARGUMENTS):
        whole = logits.clone().requires_grad_()
        alone = bootstrapped_cross_entropy(whole, labels, **arguments)
        alone.loss.backward()
        assert whole.grad is not None
        for n, answer in enumerate(answers):
            loss, kept, threshold, gradient = answer["found"][number]
            torch.testing.assert_close(loss, alone.loss.detach())
            assert torch.equal(kept, alone.kept)
            assert torch.equal(threshold, alone.threshold)
            # Averaged over two processes, with nothing from the other, it is that of the whole.
            torch.testing.assert_close(gradient / 2, whole.grad[n : n + 1])


def test_alone_nothing_is_exchanged() -> None:
    value = torch.ones(3)
    assert (processes(), rank()) == (1, 0)
    assert gathered(value) is total(value) is value


def test_shared_statistics_are_float32_in_bfloat16_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processes with the same pictures normalise them as one does, and the kind of number stays."""
    monkeypatch.setattr(distributed, "processes", lambda: 2)
    monkeypatch.setattr(distributed, "total", lambda value: 2 * value)
    plain, shared = torch.nn.BatchNorm2d(3), distributed.SharedBatchNorm2d(3)
    pictures = torch.randn(4, 3, 5, 5) * 3 + 100
    expected = plain(pictures.bfloat16().float())
    for kind, within in ((torch.float32, 1e-4), (torch.bfloat16, 2e-2)):
        shared.reset_running_stats()
        found = shared(pictures.bfloat16().to(kind))
        assert found.dtype == kind
        torch.testing.assert_close(found.float(), expected, atol=within, rtol=within)
        assert shared.running_mean is not None
        assert shared.running_mean.dtype == torch.float32
        torch.testing.assert_close(shared.running_mean, plain.running_mean, atol=1e-4, rtol=1e-4)
