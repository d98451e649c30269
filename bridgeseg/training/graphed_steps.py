"""The whole step of a training as a CUDA graph: recorded once, played back for every mini-batch.

A small network keeps a GPU busy for a few milliseconds a step, and Python takes longer than that to tell it the
hundreds of small operations. A CUDA graph is that list of operations, kept on the GPU: windows cut, forward, loss,
backward, gradient cut, weights moved. What changes from step to step, the draws and the rate, lies in tensors that are
written over before it is played. What is recorded must have fixed sizes and may not wait for the GPU; the rest of this
room sees to that.

Built in chapter 6.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from torch import Tensor

from bridgeseg.system.recipe import Learner
from bridgeseg.training.augmentation import Draws
from bridgeseg.training.mini_batches import Batches
from bridgeseg.training.windows import Batch

WARM_UP = 5  # steps taken one by one, in which libraries choose their ways and the optimiser makes its state

Numbers = dict[str, Tensor]


def can_be_graphed(learner: Learner) -> bool:
    """Return whether a network's step is the same list of operations every time.

    learner: the network and how it is trained
    returns: False with dropout, whose random numbers follow the number of the step

    Built in chapter 6.
    """
    return not any(learner.network.dropout)


def graphed_steps(
    step: Callable[[Batch], Numbers], batches: Batches, start: int
) -> Generator[Numbers, None, None]:
    """Take one step after the other on a GPU, and yield the numbers of each.

    step: moves the weights by one mini-batch and returns () tensors by name
    batches: of one process, whose pictures are on the GPU
    start: number of the first step
    returns: the numbers of each step, without end; those of a step are written over by the next

    The first steps are taken as they are; the next is recorded, and from then on played back. Built in chapter 6.
    """
    # What libraries do once, they must have done on another stream than the one that is recorded.
    aside = torch.cuda.Stream()
    for number in range(start, start + WARM_UP):
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):
            numbers = step(batches(number))
        torch.cuda.current_stream().wait_stream(aside)
        yield numbers
    number = start + WARM_UP
    draws = Draws(*(values.clone() for values in batches.draws(number)))
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        numbers = step(batches.cut(draws))
    while True:
        for own, drawn in zip(draws, batches.draws(number)):
            own.copy_(drawn)
        graph.replay()
        yield numbers
        number += 1
