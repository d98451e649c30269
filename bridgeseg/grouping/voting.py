"""From boxes to instances, our better clustering: votes gathered first, pixels given out last.

The authors remark that a better clustering than suppression might do better. Ours differs in three places. A maximum
is where many pixels agree, not where one pixel is sure of its category. The instance's box is the mean of those that
voted for it. And every pixel of the picture, not of the score map, goes to the instance whose box agrees best with
its own, so that nothing depends on an order. The cost is pixels times a fixed number of neighbouring maxima.

Built in chapter 9.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
import torchvision
from torch import Tensor

from bridgeseg.grouping.hough import candidates, check_maps, vote_cells
from bridgeseg.grouping.instance_scores import parts_of_score
from bridgeseg.structures.boxes import iou
from bridgeseg.structures.cells import enlarge, interpolate_at
from bridgeseg.structures.instances import Instances
from bridgeseg.structures.masks import Masks
from bridgeseg.structures.preconditions import expect_tensors
from bridgeseg.structures.runs import places_of

# What is held at a time, however large the picture: pairs of a place and a maximum that are compared, 4 bytes and more
# for each, and pixels that choose among their neighbours, some 250 bytes for each.
COMPARED, CHOOSING = 1 << 22, 1 << 20


@dataclass(frozen=True)
class Voting:
    """The numbers of our clustering, all our choice.

    top: a cell votes for each category among its `top` best, weighted by the probability
    score: a vote counts from this probability on
    cell: pixels from place to place of the Hough space; 0 takes the stride of the maps
    votes: a maximum has gathered at least this share of the votes of an object that fills its box
    overlap: IoU over which a maximum swallows a lesser one of its category
    crossing: the same for one of another category: an object has one category
    neighbours: maxima that a pixel may choose from, the nearest to the centre that it votes for
    agreement: IoU of the pixel's box with the instance's under which it stays without instance
    foreground: a pixel is given out where the background's probability is below 1 − foreground
    pixels: masks with fewer pixels of the picture are dropped

    Example:
        >>> replace(Voting(), cell=4).cell
        4

    Built in chapter 9.
    """

    top: int = 2
    score: float = 0.2
    cell: int = 0
    votes: float = 0.05
    overlap: float = 0.5
    crossing: float = 0.75
    neighbours: int = 6
    agreement: float = 0.1
    foreground: float = 0.5
    pixels: int = 8


@dataclass(frozen=True)
class Maxima:
    """Where votes gathered, most votes first.

    categories: (n,) int64, 1…C
    votes: (n,) float, the weight that gathered there
    boxes: (n, 4) float, pixels

    Example:
        >>> maxima = Maxima(torch.tensor([2]), torch.tensor([0.9]), torch.tensor([[0.0, 0, 4, 4]]))
        >>> len(maxima.votes), maxima.categories.tolist()
        (1, [2])

    Built in chapter 9.
    """

    categories: Tensor
    votes: Tensor
    boxes: Tensor

    def __post_init__(self) -> None:
        kinds, votes = (self.categories, "(n,) int64"), (self.votes, "(n,) float32")
        expect_tensors(categories=kinds, votes=votes, boxes=(self.boxes, "(n, 4) float32"))


def gather_votes(
    scores: Tensor, boxes: Tensor, stride: int, size: tuple[int, int], settings: Voting
) -> tuple[Tensor, Tensor]:
    """Let every cell vote for the centre of its box, and return votes and mean boxes.

    scores, boxes, stride, size, settings: as in `vote_and_assign`
    returns: votes (C, gh, gw) float: a cell votes with its probability times its share of its box's area, so that an
        object that fills its box gathers about 1 whatever its size, smoothed over 3 × 3 places; boxes
        (C, 4, gh, gw): the mean box of the votes gathered there

    Example:
        >>> scores = torch.tensor([[[0.5, 0.5]], [[0.5, 0.5]]])  # background, and one category
        >>> boxes = torch.tensor([0.0, 0, 2, 1]).view(4, 1, 1).expand(4, 1, 2)  # both cells name both
        >>> votes, mean = gather_votes(scores, boxes, 1, (1, 2), Voting())
        >>> votes.tolist(), mean[0, :, 0, 1].tolist()
        ([[[0.5, 0.5]]], [0.0, 0.0, 2.0, 1.0])

    Paper: votes gather where an instance is; the weighting is our choice. Built in chapter 9.
    """
    check_maps(scores, boxes)
    cell = settings.cell or stride
    grid = (-(-size[0] // cell), -(-size[1] // cell))
    categories, cells = candidates(scores, settings.top, settings.score)
    own = boxes.flatten(1)[:, cells]  # (4, k)
    area = ((own[2] - own[0]) * (own[3] - own[1])).clamp(min=stride * stride)
    weight = scores.flatten(1)[categories, cells] * stride * stride / area  # (k,)
    kinds, kind = categories.unique(return_inverse=True)  # few of many categories have a vote
    places = kind * grid[0] * grid[1] + vote_cells(own, grid, cell)
    sums = torch.zeros(5, len(kinds) * grid[0] * grid[1], device=scores.device)
    sums.index_add_(1, places, torch.cat([weight[None], weight * own]))
    # Sums of slices: pooling takes ten times as long on a CPU.
    sums = F.pad(sums.view(5, len(kinds), *grid), (1, 1, 1, 1))  # (5, kinds, gh + 2, gw + 2)
    sums = sums[:, :, 1:-1] + sums[:, :, :-2] + sums[:, :, 2:]
    sums = sums[..., 1:-1] + sums[..., :-2] + sums[..., 2:]  # (5, kinds, gh, gw)
    every = torch.zeros(5, len(scores) - 1, *grid, device=scores.device)
    every[0, kinds - 1] = sums[0]
    every[1:, kinds - 1] = sums[1:] / sums[0].clamp(min=1e-12)
    return every[0], every[1:].transpose(0, 1)


def find_maxima(votes: Tensor, boxes: Tensor, settings: Voting) -> Maxima:
    """Return the local maxima of the votes, lesser ones with the same box swallowed.

    votes: (C, gh, gw) float32
    boxes: (C, 4, gh, gw) float32, pixels
    settings: as in `vote_and_assign`
    returns: at most one maximum in 3 × 3 places of a category

    Example:
        >>> votes = torch.tensor([[[0.9, 0.2, 0.0, 0.5]]])
        >>> boxes = torch.tensor([[0.0, 0, 2, 1]] * 3 + [[2, 0, 4, 1]]).T.view(1, 4, 1, 4)
        >>> find_maxima(votes, boxes, Voting()).boxes.tolist()
        [[0.0, 0.0, 2.0, 1.0], [2.0, 0.0, 4.0, 1.0]]

    Built in chapter 9.
    """
    expect_tensors(votes=(votes, "(C, gh, gw) float32"), boxes=(boxes, "(C, 4, gh, gw) float32"))
    strong = (votes.flatten(1).amax(1) >= settings.votes).nonzero()[:, 0]
    if not len(strong):
        return Maxima(strong, votes.new_zeros(0), boxes.new_zeros(0, 4))
    some = votes[strong]
    peak = (some >= F.max_pool2d(some[None], 3, 1, 1)[0]) & (some >= settings.votes)
    category, row, column = peak.nonzero(as_tuple=True)
    category = strong[category]
    found = Maxima(category + 1, votes[category, row, column], boxes[category, :, row, column])
    return swallow(found, settings)


def swallow(maxima: Maxima, settings: Voting) -> Maxima:
    """Return the maxima without those whose box a stronger one already has.

    maxima: in any order
    settings: as in `vote_and_assign`
    returns: those that stay, most votes first

    Example:
        >>> alike = torch.tensor([[0.0, 0, 4, 3], [0, 0, 4, 4]])
        >>> swallow(Maxima(torch.tensor([1, 1]), torch.tensor([0.5, 0.75]), alike), Voting()).votes.tolist()
        [0.75]

    Built in chapter 9.
    """
    keep = torchvision.ops.batched_nms(maxima.boxes, maxima.votes, maxima.categories, settings.overlap)
    keep = keep[torchvision.ops.nms(maxima.boxes[keep], maxima.votes[keep], settings.crossing)]
    return Maxima(maxima.categories[keep], maxima.votes[keep], maxima.boxes[keep])


def nearest_maxima(places: Tensor, columns: int, maxima: Maxima, cell: int, neighbours: int) -> Tensor:
    """Return the maxima that lie nearest to some places of the Hough space, nearest first.

    places: (p,) int64, row · columns + column
    columns: of the Hough space
    maxima: at least one
    cell: pixels from place to place
    neighbours: how many maxima, where there are as many
    returns: (m', p) int64, numbers of maxima; what is made on the way is bounded, however many there are of both

    Built in chapter 9.
    """
    expect_tensors(places=(places, "(p,) int64"))
    centre_x, centre_y = maxima.boxes[:, [0, 2]].mean(1), maxima.boxes[:, [1, 3]].mean(1)
    count = min(neighbours, len(maxima.votes))
    tables = []
    for some in places.split(max(COMPARED // len(maxima.votes), 1)):
        y, x = (some // columns + 0.5) * cell, (some % columns + 0.5) * cell
        away = (y[:, None] - centre_y).square() + (x[:, None] - centre_x).square()  # (p', m)
        tables.append(away.topk(count, dim=1, largest=False).indices.T)
    return torch.cat(tables, 1) if tables else places.new_zeros(count, 0)


def choose(
    boxes: Tensor, scores: Tensor, maxima: Maxima, size: tuple[int, int], settings: Voting, cell: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Give every pixel to the maximum whose box agrees best with its own.

    boxes: (k, 4) float32, pixels
    scores: (k, m) float32 probabilities of the same pixels
    maxima: at least one; a maximum's category is the number of a column of the scores
    size: height and width of the picture, pixels
    settings: as in `vote_and_assign`
    cell: pixels from place to place of the table of neighbours
    returns: number of the maximum (k,) int64, −1 for none; IoU with its box (k,) float; probability of its category
        (k,) float

    Example:
        >>> two = torch.tensor([[0.0, 0, 2, 1], [2, 0, 4, 1]])
        >>> maxima = Maxima(torch.tensor([1, 1]), torch.ones(2), two)
        >>> own = torch.tensor([[2.0, 0, 4, 1], [0, 0, 1, 1], [8, 0, 9, 1]])  # of three pixels
        >>> choose(own, torch.tensor([[0.1, 0.9]] * 3), maxima, (1, 9), Voting(), cell=1)[0].tolist()
        [1, 0, -1]

    The agreement is the IoU times the root of the pixel's probability for the maximum's category: a pixel that the
    category network misread may still follow its box, and two objects with the same box (a rider and a horse) stay
    apart. Our choice. Built in chapter 9.
    """
    expect_tensors(boxes=(boxes, "(k, 4) float32"), scores=(scores, "(k, m) float32"))
    grid = (-(-size[0] // cell), -(-size[1] // cell))
    sides, corners = boxes.T.contiguous(), maxima.boxes.T.contiguous()  # (4, k) and (4, n)
    places = vote_cells(sides, grid, cell)  # (k,)
    voted = torch.zeros(grid[0] * grid[1], dtype=torch.bool, device=boxes.device).index_fill_(0, places, True)
    rank = voted.cumsum(0) - 1  # of a place among those that have a vote
    table = nearest_maxima(places_of(voted), grid[1], maxima, cell, settings.neighbours)
    near = table.index_select(1, rank.index_select(0, places))  # (m', k)
    overlaps, certain = sides.new_empty(near.shape), sides.new_empty(near.shape)
    for place, other in enumerate(near):  # one neighbour of all pixels at a time: smaller tensors are faster
        overlaps[place] = iou(sides, corners.index_select(1, other), dim=0)
        certain[place] = scores.gather(1, maxima.categories.index_select(0, other)[:, None])[:, 0]
    agreement = overlaps * certain.clamp(min=1e-4).sqrt()
    best = agreement.max(0, keepdim=True).indices  # argmax takes five times as long
    overlap = overlaps.gather(0, best)[0]
    number = torch.where(overlap >= settings.agreement, near.gather(0, best)[0], -1)
    return number, overlap, certain.gather(0, best)[0]


def refine(
    maxima: Maxima, scores: Tensor, boxes: Tensor, size: tuple[int, int], settings: Voting, cell: int
) -> Maxima:
    """Return the maxima with the mean box of the cells that choose them, duplicates swallowed once more.

    maxima: at least one
    scores: (k, C + 1) float32 probabilities of the cells in the foreground
    boxes: (k, 4) float32, pixels, of the same cells
    size, settings, cell: as in `choose`
    returns: maxima, of which the votes are how often an object of their box fits into the cells that chose them

    Example:
        >>> peak = Maxima(torch.tensor([1]), torch.ones(1), torch.tensor([[0.0, 0, 4, 3]]))
        >>> scores, own = torch.tensor([[0.5, 0.5]]), torch.tensor([[0.0, 0, 4, 4]])  # of one cell
        >>> refine(peak, scores, own, (4, 4), Voting(), cell=4).boxes.tolist()
        [[0.0, 0.0, 4.0, 4.0]]

    Built in chapter 9.
    """
    expect_tensors(scores=(scores, "(k, C + 1) float32"), boxes=(boxes, "(k, 4) float32"))
    number, overlap, certain = choose(boxes, scores, maxima, size, settings, cell)
    held = number >= 0
    number, certain, own = number[held], certain[held], boxes[held].T  # (h,), (h,) and (4, h)
    area = ((own[2] - own[0]) * (own[3] - own[1])).clamp(min=cell * cell)
    weight = overlap[held].square() * certain
    sums = torch.zeros(6, len(maxima.votes), device=boxes.device)
    sums.index_add_(1, number, torch.cat([weight[None], weight * own, (certain / area)[None]]))
    chosen = sums[0] > 0
    mean = (sums[1:5] / sums[0].clamp(min=1e-12)).T  # (n, 4)
    return swallow(Maxima(maxima.categories[chosen], sums[5][chosen], mean[chosen]), settings)


def weighed(boxes: Tensor, scores: Tensor) -> Tensor:
    """Return boxes times how far each cell is foreground, and below them that weight.

    scores: (C + 1, h, w) float32 probabilities, background first
    boxes: (4, h, w) float, pixels
    returns: (5, h, w) float

    Example:
        >>> scores, boxes = torch.tensor([[[0.5]], [[0.5]]]), torch.tensor([2.0, 4, 6, 8]).view(4, 1, 1)
        >>> weighed(boxes, scores).flatten().tolist()
        [1.0, 2.0, 3.0, 4.0, 0.5]

    A cell of the background has no box of its own. Where boxes are enlarged, at the edge of an object, it shall count
    as little as it is foreground: enlarge all five maps and divide by the last. Our choice. Built in chapter 9.
    """
    expect_tensors(scores=(scores, "(C + 1, h, w) float"), boxes=(boxes, "(4, h, w) float"))
    weight = (1 - scores[:1]).clamp(min=1e-3)
    return torch.cat([boxes * weight, weight])


def vote_and_assign(
    scores: Tensor, boxes: Tensor, stride: int, size: tuple[int, int], settings: Voting = Voting()
) -> Instances:
    """Turn category scores and pixel boxes into instances by our clustering.

    scores: (C + 1, h, w) float32 probabilities, background first
    boxes: (4, h, w) float32, pixels of the picture
    stride: pixels from cell to cell
    size: height and width of the picture, pixels
    settings: what counts as a vote, as a maximum and as agreement
    returns: instances with masks of the picture's size, no pixel in two of them. Score: the mean probability of the
        category over the mask, times the mean IoU of its pixels' boxes with the instance's, times the IoU of that box
        with the mask's tight one: an instance whose pixels agree and whose mask fills the box is to be trusted
    raises: ValueError when the maps do not fit each other

    Example:
        >>> scores = torch.tensor([[[0.1, 0.1, 0.1, 0.2, 0.2, 0.9]], [[0.9, 0.9, 0.9, 0.8, 0.8, 0.1]]])
        >>> left, right = torch.tensor([0.0, 0, 3, 1]), torch.tensor([3.0, 0, 5, 1])
        >>> boxes = torch.stack([left] * 3 + [right] * 3, 1)[:, None]  # (4, 1, 6)
        >>> vote_and_assign(scores, boxes, 1, (1, 6), Voting(pixels=1)).masks[:].int().tolist()
        [[[1, 1, 1, 0, 0, 0]], [[0, 0, 0, 1, 1, 0]]]

    Our choice, in place of the paper's suppression. Built in chapter 9.
    """
    maxima = find_maxima(*gather_votes(scores, boxes, stride, size, settings), settings)
    cell = settings.cell or stride
    inside = (scores[0] < 1 - settings.foreground).flatten()
    if len(maxima.votes) and inside.any():
        own_scores, own_boxes = scores.flatten(1)[:, inside].T, boxes.flatten(1)[:, inside].T
        maxima = refine(maxima, own_scores, own_boxes, size, settings, cell)
    if not len(maxima.votes):
        return Instances.none(*size)
    place = places_of(enlarge(scores[None, :1], stride, size)[0, 0] < 1 - settings.foreground)  # (k,)
    if not len(place):
        return Instances.none(*size)
    kinds, kind = maxima.categories.unique(return_inverse=True)  # of the other categories no pixel is asked
    maps, asked = torch.cat([weighed(boxes, scores), scores[kinds]]), replace(maxima, categories=kind)
    chosen, parts = [], place.split(CHOOSING)
    ends = torch.stack([some[[0, -1]] for some in parts]) // (size[1] * stride)  # (parts, 2), rows of cells
    for some, (top, last) in zip(parts, ends.tolist(), strict=True):
        # Of the maps only the rows of cells that these pixels lie between.
        full = interpolate_at(maps[:, top : last + 2], some - top * stride * size[1], stride, size)
        chosen.append(choose(full[:, :4] / full[:, 4:5], full[:, 5:], asked, size, settings, cell))
    number, overlap, certain = map(torch.cat, zip(*chosen))
    held = places_of(number >= 0)
    number, place = number.index_select(0, held), place.index_select(0, held)
    certain, overlap = certain.index_select(0, held), overlap.index_select(0, held)
    count = len(maxima.votes)
    owner = number.new_full((size[0] * size[1],), -1).scatter_(0, place, number)  # (H · W,)
    masks = Masks.from_labels(owner.view(size), torch.arange(count, device=owner.device))
    score = parts_of_score(number, certain, overlap, iou(masks.boxes(), maxima.boxes)).prod(0)  # (count,)
    return Instances(masks, maxima.categories, score, maxima.boxes).with_pixels(settings.pixels)
