"""One training loop for both networks: by steps or by minutes, alone or in several processes, and never in vain.

What a step does depends on the seed, the recipe and the number of the step, and on nothing that a killed process
takes with it; the state is saved every so often under a temporary name and renamed. So a run of a fixed number of
steps that was killed and resumed ends with the weights, bit for bit on a CPU, of one that was not.

Built in chapter 6.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from bridgeseg.machine.bfloat16 import computes_bfloat16
from bridgeseg.machine.distributed import gathered, processes, rank, share_batch_statistics
from bridgeseg.machine.files import read_tensors, write_tensors
from bridgeseg.machine.progress import Progress, silent
from bridgeseg.networks.preprocessing import normalise
from bridgeseg.structures.labels import BadInput
from bridgeseg.system.build import build_networks, output_stride
from bridgeseg.system.recipe import Recipe
from bridgeseg.training.graphed_steps import can_be_graphed, graphed_steps
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.objective import objective_of
from bridgeseg.training.optimiser import make_optimiser, parameter_groups, rate_at, set_rate
from bridgeseg.training.store import Store, Unread
from bridgeseg.training.watch import Watch
from bridgeseg.training.windows import Batch

# Raise it whenever the same recipe, pictures and seed give other weights: trained networks are kept under it.
TRAINING_VERSION = 3
SAVE_EVERY = 20.0  # seconds between saved states
LOG_EVERY = 20  # steps between lines of the log
# Seconds of a network's training from which compiling it pays on a GPU. On an H100 it takes some 45 s and brings 18.7
# steps a second for 12.7 with `voc`, 200 for 170 with `scenes-full`, 71 for 63 with `nuclei-full`: paid after 140, 280
# and 410 s (book/results/gpu-use.json, gpu-training.json).
COMPILE_FROM = 420.0


class Diverged(ValueError):
    """A training whose loss or gradient is not finite any more: one line says where, and what to try.

    Built in chapter 6.
    """


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
    store: the training pictures, as `bridgeseg.training.store` keeps them
    categories: C, without background
    seed: of weights, batches and dropout
    device: where the networks compute
    state: file of the saved state; None saves nothing
    spent: seconds that have gone by before training began, counted in the minutes
    progress: called with the share done, 0…1, and a line of text
    raises: BadInput without a picture, and for a batch that cannot be dealt out to the processes

    stop: set it to True at any time, and the training ends after the step that it is in, its state saved

    Example:
        >>> from bridgeseg.data.scenes import Scenes
        >>> from bridgeseg.system.presets import recipe_named
        >>> from bridgeseg.training.store import load
        >>> Trainer(recipe_named("scenes-tiny"), load(Scenes(count=2), range(2)), categories=5).phases
        ['both']

    Built in chapter 6.
    """

    def __init__(
        self,
        recipe: Recipe,
        store: Store | Unread,
        categories: int,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        state: Path | None = None,
        spent: float = 0.0,
        progress: Progress = silent,
    ) -> None:
        if not len(store):
            raise BadInput("pictures: none, expected at least one to train on")
        for learner in recipe.learners.values():
            size, parts = learner.optimiser.batch, learner.optimiser.parts
            if size % (processes() * parts):
                raise BadInput(
                    f"batch of {size}, expected a multiple of {processes()} processes times {parts} parts"
                )
        torch.manual_seed(seed)
        self.recipe, self.seed, self.device = recipe, seed, torch.device(device)
        self.networks = build_networks(recipe, categories)
        if processes() > 1:
            share_batch_statistics(self.networks)
        self.networks.to(self.device).to(memory_format=torch.channels_last)
        self.stride = output_stride(self.networks)
        self.store = store
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
        recipe = self.learner.optimiser
        seed = self.seed + 1_000_003 * self.phase
        self.batches = Batches(
            self.store, self.learner.crops, batch=recipe.batch, seed=seed, rank=rank(), processes=processes()
        )
        self.losses = self.recipe.losses.of_a_part(recipe.parts)
        self.optimiser = make_optimiser(parameter_groups(self.network, self.learner), recipe, self.device)
        wanted = recipe.bfloat16 or self.device.type == "cuda"
        self.in_bfloat16 = wanted and computes_bfloat16(self.device)
        self.computing: nn.Module = self.network
        if self.device.type == "cuda" and self._seconds_of_phase() >= COMPILE_FROM:
            self.computing = cast(nn.Module, torch.compile(self.network, dynamic=False))
        if processes() > 1:
            self.computing = DistributedDataParallel(self.computing, broadcast_buffers=False)

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """Move the weights by one mini-batch.

        batch: of this process, on the device
        returns: by name () float32, without gradient: "loss", the parts and the fractions of the objective, of all
            processes together, and "gradient norm", before it was cut

        Nothing here waits for a GPU. Built in chapter 6.
        """
        recipe = self.learner.optimiser
        self.optimiser.zero_grad(set_to_none=True)
        told = []
        for part in batch.parts(recipe.parts):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16):
                answers = self.computing(normalise(part.pictures))
            # Where several processes train together, each computes the loss of all their pictures.
            answers = {name: gathered(answer) for name, answer in answers.items()}
            labels = gathered(part.categories), gathered(part.instances.int())
            # To look for the largest is faster on a processor, and makes a GPU wait. Another process may have more.
            most = part.most if self.device.type == "cuda" and processes() == 1 else None
            objective = objective_of(answers, *labels, self.stride, self.losses, most)
            (objective.loss / recipe.parts).backward()
            told.append({"loss": objective.loss.detach(), **objective.losses, **objective.fractions})
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self.optimiser.step()
        return {name: torch.stack([each[name] for each in told]).mean() for name in told[0]} | {
            "gradient norm": norm
        }

    def run(self) -> nn.ModuleDict:
        """Train every network to its end, or until `stop`, and return them, in evaluation mode.

        returns: the networks by name
        raises: Diverged when a loss or a gradient is not finite; the state saved last is the one before

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
        recipe = self.learner.optimiser
        steps = self._steps()
        watch = Watch(self.device)
        began, before = time.monotonic(), self.seconds
        saved = began
        try:
            while not self.stop:
                self.seconds = broadcast(before + time.monotonic() - began, self.device)
                done = self._done()
                if done >= 1:
                    break
                # What is random in the network, dropout, depends on the step alone: a resumed run draws it again.
                torch.manual_seed(
                    (self.seed * 1_000_003 + self.phase * 500_009 + self.done_steps) * 64 + rank()
                )
                rate = recipe.rate * rate_at(done, recipe.warm_up, recipe.power)
                set_rate(self.optimiser, rate)
                numbers = next(steps)
                self.done_steps += 1
                self._look(watch.add(self._facts(done, rate), numbers))
                if self.state_file is not None and time.monotonic() - saved > SAVE_EVERY:
                    self._look(watch.rest())
                    self.save()
                    saved = time.monotonic()
        finally:
            steps.close()
        self._look(watch.rest())
        self.save()

    def _steps(self) -> Generator[dict[str, Tensor], None, None]:
        """Take one step after the other, and yield the numbers of each."""
        if self.device.type == "cuda" and self.store.device.type == "cuda" and can_be_graphed(self.learner):
            yield from graphed_steps(self.step, self.batches, self.done_steps)
            return
        batches = self.batches.ahead(self.done_steps, pinned=self.device.type == "cuda")
        try:
            for batch in batches:
                yield self.step(batch.to(self.device))
        finally:
            batches.close()

    def _facts(self, done: float, rate: float) -> dict[str, Any]:
        """What the host knows of the step that was just begun."""
        return {
            "network": self.phases[self.phase],
            "step": self.done_steps,
            "done": round(done, 5),
            "seconds": round(self.seconds, 2),
            "rate": rate,
        }

    def _look(self, lines: list[dict[str, Any]]) -> None:
        """Stop at the first step whose loss or gradient is not finite; write every so manieth step into the log."""
        for line in lines:
            norm = line.pop("gradient norm")
            for name, value in (("loss", line["loss"]), ("norm of the gradient", norm)):
                if not math.isfinite(value):
                    raise Diverged(
                        f"{line['network']}: the {name} is {value} at step {line['step']}, rate {line['rate']:.2g}; "
                        "nothing was saved since it was finite; try a lower rate, a longer warm-up or a smaller clip"
                    )
            if line["step"] % LOG_EVERY == 0 or line["step"] == 1:
                self.log.append(line)
                if not rank():
                    before, part = self._part()
                    text = f"{line['network']}: step {line['step']}, loss {line['loss']:.3f}, {line['seconds']:.0f} s"
                    self.progress(before + part * line["done"], text)

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

    def _seconds_of_phase(self) -> float:
        """How long the present network is trained; without end where the steps say how long."""
        if self.recipe.steps is not None:
            return math.inf
        return (60 * self.recipe.minutes - self.spent) * self._part()[1]

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
            state = read_tensors(self.state_file, self.device)
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
        except Exception as error:  # the loader raises whatever the bytes suggest to it
            raise BadInput(f"{self.state_file}: not a saved state ({type(error).__name__})") from error
