"""One training loop for both networks: by steps or by minutes, alone or in several processes, and never in vain.

What a step does depends on the seed, the recipe and the number of the step, and on nothing that a killed process
takes with it; the state is saved every so often under a temporary name and renamed. So a run of a fixed number of
steps that was killed and resumed ends with the weights, bit for bit on a CPU, of one that was not.

Built in chapter 6.
"""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from bridgeseg.machine.bfloat16 import computes_bfloat16
from bridgeseg.machine.distributed import processes, rank, share_batch_statistics, total
from bridgeseg.machine.files import write_tensors
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.labels import BadInput, Sample
from bridgeseg.system.build import build_networks, output_stride
from bridgeseg.system.recipe import Recipe
from bridgeseg.training.batches import Batches
from bridgeseg.training.objective import batch_loss
from bridgeseg.training.optimiser import make_optimiser, rate_at

Progress = Callable[[float, str], None]
SAVE_EVERY = 20.0  # seconds between saved states
LOG_EVERY = 20  # steps between lines of the log


def broadcast(value: float, device: torch.device) -> float:
    """Return the value of process 0 in every process; clocks differ, and all have to stop at the same step."""
    if processes() == 1:
        return value
    shared = torch.tensor(value, dtype=torch.float64, device=device)
    dist.broadcast(shared, 0)
    return float(shared)


class Trainer:
    """A training in progress: the networks of a recipe, one after the other, with all that resuming needs.

    recipe: what to do
    samples: the training pictures in memory, prepared by `bridgeseg.training.batches.load_samples`
    categories: C, without background
    seed: of weights, batches and dropout
    device: where the networks compute
    state: file of the saved state; None saves nothing
    spent: seconds that have gone by before training began, counted in the minutes
    progress: called with the share done, 0…1, and a line of text

    Built in chapter 6.
    """

    def __init__(
        self,
        recipe: Recipe,
        samples: Sequence[Sample],
        categories: int,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        state: Path | None = None,
        spent: float = 0.0,
        progress: Progress = lambda share, text: None,
    ) -> None:
        if not samples:
            raise BadInput("samples: none, expected at least one picture to train on")
        if recipe.batch % processes():
            raise BadInput(f"batch of {recipe.batch}, expected a multiple of the {processes()} processes")
        torch.manual_seed(seed)
        self.recipe, self.seed, self.device = recipe, seed, torch.device(device)
        self.networks = build_networks(recipe, categories)
        if processes() > 1:
            share_batch_statistics(self.networks)
        self.networks.to(self.device).to(memory_format=torch.channels_last)
        self.samples = samples
        self.state_file, self.progress = state, progress
        self.log: list[dict[str, Any]] = []
        self.phase, self.step, self.seconds, self.spent = 0, 0, spent, spent
        self._begin_phase()

    @property
    def phases(self) -> list[str]:
        """The names of the networks, in the order in which they are trained."""
        return list(self.networks.keys())

    def _begin_phase(self) -> None:
        """Take the network, the recipe, the batches and the optimiser of the present phase."""
        name = self.phases[self.phase]
        self.network, self.own = self.networks[name], self.recipe.of(name)
        self.batches = Batches(self.samples, self.own, self.seed, rank(), processes())
        self.optimiser = make_optimiser(self.network, self.own)
        wanted = self.own.bfloat16 or self.device.type == "cuda"
        self.in_bfloat16 = wanted and computes_bfloat16(self.device)

    def save(self) -> None:
        """Write all that resuming needs, whole or not at all."""
        if self.state_file is None or rank():
            return
        state = {
            "networks": self.networks.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "phase": self.phase,
            "step": self.step,
            "seconds": self.seconds,
            "spent": self.spent,
            "seed": self.seed,
            "recipe": self.recipe.to_json(),
            "log": json.dumps(self.log),
        }
        write_tensors(self.state_file, state)

    def resume(self) -> None:
        """Go on from the saved state.

        raises: BadInput when the state is of another recipe or another seed, or is no state
        """
        if self.state_file is None:
            raise BadInput("state: no file was given, expected one to resume from")
        try:
            state = torch.load(self.state_file, map_location=self.device, weights_only=True)
            recipe, seed = state["recipe"], state["seed"]
            if recipe != self.recipe.to_json() or seed != self.seed:
                raise BadInput(
                    f"{self.state_file}: state of another recipe or seed, expected that of this run"
                )
            self.networks.load_state_dict(state["networks"])
            self.phase, self.step = state["phase"], state["step"]
            self.seconds, self.spent = state["seconds"], state["spent"]
            self.log = json.loads(state["log"])
            self._begin_phase()
            self.optimiser.load_state_dict(state["optimiser"])
        except BadInput:
            raise
        except Exception as error:  # torch.load raises whatever the bytes suggest to it
            raise BadInput(f"{self.state_file}: not a saved state ({type(error).__name__})") from error

    def run(self) -> nn.ModuleDict:
        """Train every network to its end and return them, in evaluation mode."""
        while self.phase < len(self.phases):
            self._train_phase()
            if self.phase + 1 == len(self.phases):
                break
            self.phase, self.step = self.phase + 1, 0
            self._begin_phase()
            self.save()
        return self.networks.eval()

    def _done(self, step: int, seconds: float) -> float:
        """The share of the present network's part of the run that is behind it, 0…1."""
        before, part = self._part()
        if self.recipe.steps is not None:
            return min(step / max(int(self.recipe.steps * part), 1), 1.0)
        # Of the minutes that are left for training: else reading would eat the warm-up, and the first network's part.
        left = 60 * self.recipe.minutes - self.spent
        share = ((seconds - self.spent) / left - before) / part if left > 0 else 1.0
        return min(max(share, 0.0), 1.0)

    def _part(self) -> tuple[float, float]:
        """Where in the run the present phase begins, and its share of it, both 0…1."""
        if len(self.phases) == 1:
            return 0.0, 1.0
        semantic = 1 - self.recipe.box_share
        return (semantic, self.recipe.box_share) if self.phase else (0.0, semantic)

    def _train_phase(self) -> None:
        self.networks.train()
        # One thread makes batches beside the two or more that compute; a GPU is fed by more.
        cuda = self.device.type == "cuda"
        threads, depth = (8, 16) if cuda else (1, 2)
        if processes() > 1:
            computing: nn.Module = DistributedDataParallel(self.network, broadcast_buffers=False)
        else:
            computing = self.network
        began, before = time.monotonic(), self.seconds
        saved, first = began, self.phase * 1_000_000
        source = self.batches.ahead(first + self.step, threads, depth)
        try:
            while True:
                self.seconds = broadcast(before + time.monotonic() - began, self.device)
                done = self._done(self.step, self.seconds)
                if done >= 1:
                    break
                parts = self._step(computing, next(source), done)
                self.step += 1
                if self.step % LOG_EVERY == 0 or self.step == 1:
                    self._write_log(parts, done)
                if self.state_file is not None and time.monotonic() - saved > SAVE_EVERY:
                    self.save()
                    saved = time.monotonic()
        finally:
            source.close()
        self.save()

    def _step(self, computing: nn.Module, batch: Any, done: float) -> dict[str, Tensor]:
        """One step of the optimiser; returns the loss and its parts."""
        # Dropout depends on the step alone, so that a resumed run draws what the other would have drawn.
        torch.manual_seed((self.seed * 1_000_003 + self.phase * 500_009 + self.step) * 64 + rank())
        for group in self.optimiser.param_groups:
            group["lr"] = self.own.rate * group["factor"] * rate_at(done, self.own)
        pictures = normalise(batch.pictures.to(self.device, non_blocking=True))
        categories = batch.categories.to(self.device, non_blocking=True)
        instances = batch.instances.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            found = computing(pictures)
        loss, parts = batch_loss(found, categories, instances, output_stride(self.networks), self.own)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.own.clip)
        self.optimiser.step()
        return {"loss": loss.detach(), **parts}

    def _write_log(self, parts: dict[str, Tensor], done: float) -> None:
        # A local loss is its share of the global one times the number of processes; fractions are global already.
        values = {
            name: float(total(value.float()) / processes()) if "loss" in name else float(value)
            for name, value in parts.items()
        }
        line = {
            "network": self.phases[self.phase],
            "step": self.step,
            "done": round(done, 5),
            "seconds": round(self.seconds, 2),
            "rate": self.optimiser.param_groups[0]["lr"],
            **values,
        }
        self.log.append(line)
        if not rank():
            before, part = self._part()
            share = before + part * done
            text = f"{line['network']}: step {self.step}, loss {values['loss']:.3f}, {self.seconds:.0f} s"
            self.progress(share, text)


def with_budget(recipe: Recipe, minutes: float | None) -> Recipe:
    """Return the recipe with another number of minutes, which takes the place of a fixed number of steps.

    raises: BadInput for minutes that are not above 0
    """
    if minutes is None:
        return recipe
    if not minutes > 0:
        raise BadInput(f"minutes: {minutes}, expected more than 0")
    return dataclasses.replace(recipe, minutes=minutes, steps=None)
