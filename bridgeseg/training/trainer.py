"""One training loop for both networks: by steps or by minutes, alone or in several processes, and never in vain.

What a step does depends on the seed, the recipe and the number of the step, and on nothing that a killed process
takes with it; the state is saved every so often under a temporary name and renamed. So a run of a fixed number of
steps that was killed and resumed ends with the weights, bit for bit on a CPU, of one that was not.

Built in chapter 6.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from bridgeseg.machine.bfloat16 import computes_bfloat16
from bridgeseg.machine.distributed import gathered, processes, rank, share_batch_statistics
from bridgeseg.machine.files import write_tensors
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.labels import BadInput, Sample
from bridgeseg.system.build import build_networks, output_stride
from bridgeseg.system.recipe import Recipe
from bridgeseg.training.batches import Batch, Batches
from bridgeseg.training.objective import Objective, objective_of
from bridgeseg.training.optimiser import make_optimiser, parameter_groups, rate_at

# Raise it whenever the same recipe, pictures and seed give other weights: trained networks are kept under it.
TRAINING_VERSION = 1
SAVE_EVERY = 20.0  # seconds between saved states
LOG_EVERY = 20  # steps between lines of the log


def broadcast(value: float, device: torch.device) -> float:
    """Return the value of process 0 in every process; clocks differ, and all have to stop at the same step.

    value: of this process
    device: where processes exchange

    Built in chapter 15.
    """
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
    raises: BadInput without a sample, and for a batch that cannot be dealt out to the processes

    stop: set it to True at any time, and the training ends after the step that it is in, its state saved

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
        progress: Progress = silent,
    ) -> None:
        if not samples:
            raise BadInput("samples: none, expected at least one picture to train on")
        for learner in recipe.learners.values():
            if (size := learner.optimiser.batch) % processes():
                raise BadInput(f"batch of {size}, expected a multiple of the {processes()} processes")
        torch.manual_seed(seed)
        self.recipe, self.seed, self.device = recipe, seed, torch.device(device)
        self.networks = build_networks(recipe, categories)
        if processes() > 1:
            share_batch_statistics(self.networks)
        self.networks.to(self.device).to(memory_format=torch.channels_last)
        self.samples = samples
        self.state_file, self.progress = state, progress
        self.log: list[dict[str, Any]] = []
        self.phase, self.done_steps, self.seconds, self.spent = 0, 0, spent, spent
        self.stop = False
        self._begin_phase()

    @property
    def phases(self) -> list[str]:
        """The names of the networks, in the order in which they are trained."""
        return list(self.networks.keys())

    def _begin_phase(self) -> None:
        """Take the network of the present phase, its recipe, its batches and its optimiser."""
        name = self.phases[self.phase]
        self.network, self.learner = self.networks[name], self.recipe.learners[name]
        optimiser = self.learner.optimiser
        self.batches = Batches(
            self.samples, self.learner.crops, optimiser.batch, self.seed, rank(), processes()
        )
        self.optimiser = make_optimiser(parameter_groups(self.network, self.learner), optimiser)
        wanted = optimiser.bfloat16 or self.device.type == "cuda"
        self.in_bfloat16 = wanted and computes_bfloat16(self.device)
        self.computing: nn.Module = self.network
        if processes() > 1:
            self.computing = DistributedDataParallel(self.network, broadcast_buffers=False)

    def step(self, batch: Batch, done: float) -> Objective:
        """Move the weights by one mini-batch.

        batch: of this process, on any device
        done: the share of this network's training that is behind it, 0…1
        returns: the objective of the mini-batch, of all processes together

        Built in chapter 6.
        """
        # What is random in the network, dropout, depends on the step alone: a resumed run draws it again.
        torch.manual_seed((self.seed * 1_000_003 + self.phase * 500_009 + self.done_steps) * 64 + rank())
        recipe, stride = self.learner.optimiser, output_stride(self.networks)
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.rate * group["factor"] * rate_at(done, recipe.warm_up, recipe.power)
        pictures, categories, instances = (part.to(self.device, non_blocking=True) for part in batch)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
            answers = self.computing(normalise(pictures))
        # Where several processes train together, each computes the loss of all their pictures.
        answers = {name: gathered(answer) for name, answer in answers.items()}
        objective = objective_of(
            answers, gathered(categories), gathered(instances), stride, self.recipe.losses
        )
        self.optimiser.zero_grad(set_to_none=True)
        objective.loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimiser.step()
        return objective

    def run(self) -> nn.ModuleDict:
        """Train every network to its end, or until `stop`, and return them, in evaluation mode.

        Built in chapter 6.
        """
        while True:
            self._train_phase()
            if self.stop or self.phase + 1 == len(self.phases):
                return self.networks.eval()
            self.phase, self.done_steps = self.phase + 1, 0
            self._begin_phase()
            self.save()

    def _train_phase(self) -> None:
        self.networks.train()
        # One thread makes batches beside the two or more that compute; a GPU is fed by more.
        threads, depth = (8, 16) if self.device.type == "cuda" else (1, 2)
        began, before = time.monotonic(), self.seconds
        saved = began
        source = self.batches.ahead(self.phase * 1_000_000 + self.done_steps, threads, depth)
        try:
            while not self.stop:
                self.seconds = broadcast(before + time.monotonic() - began, self.device)
                done = self._done()
                if done >= 1:
                    break
                objective = self.step(next(source), done)
                self.done_steps += 1
                if self.done_steps % LOG_EVERY == 0 or self.done_steps == 1:
                    self._write_log(objective, done)
                if self.state_file is not None and time.monotonic() - saved > SAVE_EVERY:
                    self.save()
                    saved = time.monotonic()
        finally:
            source.close()
        self.save()

    def reserve(self, seconds: float) -> None:
        """Set seconds of the minutes aside for what follows training.

        seconds: 0 or more; they count as spent

        Built in chapter 6.
        """
        self.spent += seconds
        self.seconds += seconds

    def _done(self) -> float:
        """The share of the present network's part of the run that is behind it, 0…1."""
        before, part = self._part()
        if self.recipe.steps is not None:
            return min(self.done_steps / max(int(self.recipe.steps * part), 1), 1.0)
        # Of the minutes that are left for training: else reading would eat the warm-up, and the first network's part.
        left = 60 * self.recipe.minutes - self.spent
        share = ((self.seconds - self.spent) / left - before) / part if left > 0 else 1.0
        return min(max(share, 0.0), 1.0)

    def _part(self) -> tuple[float, float]:
        """Where in the run the present phase begins, and its share of it, both 0…1."""
        if len(self.phases) == 1:
            return 0.0, 1.0
        semantic = 1 - self.recipe.box_share
        return (semantic, self.recipe.box_share) if self.phase else (0.0, semantic)

    def save(self) -> None:
        """Write all that resuming needs, whole or not at all; the first of several processes does.

        raises: OSError when writing fails

        Built in chapter 6.
        """
        if self.state_file is None or rank():
            return
        state = {
            "networks": self.networks.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "phase": self.phase,
            "step": self.done_steps,
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

        Built in chapter 6.
        """
        if self.state_file is None:
            raise BadInput("state: no file was given, expected one to resume from")
        try:
            state = torch.load(self.state_file, map_location=self.device, weights_only=True)
            recipe, seed = Recipe.from_json(state["recipe"], str(self.state_file)), state["seed"]
            if recipe != self.recipe or seed != self.seed:
                raise BadInput(
                    f"{self.state_file}: state of another recipe or seed, expected that of this run"
                )
            self.networks.load_state_dict(state["networks"])
            self.phase, self.done_steps = state["phase"], state["step"]
            self.seconds, self.spent = state["seconds"], state["spent"]
            self.log = json.loads(state["log"])
            self._begin_phase()
            self.optimiser.load_state_dict(state["optimiser"])
        except BadInput:
            raise
        except Exception as error:  # torch.load raises whatever the bytes suggest to it
            raise BadInput(f"{self.state_file}: not a saved state ({type(error).__name__})") from error

    def _write_log(self, objective: Objective, done: float) -> None:
        parts = {"loss": objective.loss.detach(), **objective.losses, **objective.fractions}
        values = {name: float(value) for name, value in parts.items()}
        line = {
            "network": self.phases[self.phase],
            "step": self.done_steps,
            "done": round(done, 5),
            "seconds": round(self.seconds, 2),
            "rate": self.optimiser.param_groups[0]["lr"],
            **values,
        }
        self.log.append(line)
        if not rank():
            before, part = self._part()
            text = (
                f"{line['network']}: step {self.done_steps}, loss {values['loss']:.3f}, {self.seconds:.0f} s"
            )
            self.progress(before + part * done, text)
