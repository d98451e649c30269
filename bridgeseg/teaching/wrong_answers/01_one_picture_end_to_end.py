"""Wrong answers to the checkpoints of chapter 1, each a mistake that people make."""


def overlap__last_pixel_included(a, b):
    """Takes the right and lower edges for pixels that still belong to the box, in one place and not in the other."""
    left, top = torch.maximum(a[..., :2], b[..., :2]).unbind(-1)
    right, bottom = torch.minimum(a[..., 2:], b[..., 2:]).unbind(-1)
    shared = (right - left + 1).clamp(min=0) * (bottom - top + 1).clamp(min=0)
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return shared / (area_a + area_b - shared)


def overlap__negative_sides(a, b):
    """Forgets that boxes may lie apart: two negative sides make a positive area."""
    left, top = torch.maximum(a[..., :2], b[..., :2]).unbind(-1)
    right, bottom = torch.minimum(a[..., 2:], b[..., 2:]).unbind(-1)
    shared = (right - left) * (bottom - top)
    area_a = (a[..., 2] - a[..., 0]) * (a[..., 3] - a[..., 1])
    area_b = (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])
    return shared / (area_a + area_b - shared)


def overlap__shared_counted_twice(a, b):
    """Divides by the sum of the areas, in which what the boxes share counts twice."""
    iou_of_both = overlap(a, b)
    return iou_of_both / (1 + iou_of_both)


def count_votes__rows_for_columns(boxes, weights, size):
    """Exchanges rows and columns, which nobody sees on a square picture with objects everywhere."""
    return count_votes(boxes[[1, 0, 3, 2]], weights, size)


def count_votes__last_vote_wins(boxes, weights, size):
    """Writes to an index instead of adding there, so that of many votes for a place one is left."""
    height, width = size
    x = ((boxes[0] + boxes[2]) / 2).long().clamp(0, width - 1)
    y = ((boxes[1] + boxes[3]) / 2).long().clamp(0, height - 1)
    votes = torch.zeros(height * width)
    votes[y * width + x] += weights
    return votes.view(height, width)


def count_votes__weights_forgotten(boxes, weights, size):
    """Gives every cell one vote, however unsure it is that it lies on an object."""
    return count_votes(boxes, torch.ones_like(weights), size)


def count_votes__corner_for_centre(boxes, weights, size):
    """Votes for the upper left corner of the box, as if boxes were a corner and a size."""
    return count_votes(boxes[[0, 1, 0, 1]], weights, size)


def suppress__survivors_do_not_suppress(boxes, scores, threshold):
    """Takes the boxes best first, and never strikes those that a better one has suppressed."""
    order = scores.argsort(descending=True)
    return order, torch.stack([overlap(boxes[i], boxes) > threshold for i in order])


def suppress__worst_first(boxes, scores, threshold):
    """Sorts the scores upwards, which is what `argsort` does unless told otherwise."""
    return suppress(boxes, -scores, threshold)


def suppress__each_box_taken_once(boxes, scores, threshold):
    """Gives a box to the first survivor alone, though a later one suppresses it as well."""
    survivors, suppressed = suppress(boxes, scores, threshold)
    return survivors, suppressed & (suppressed.cumsum(0) == 1)


def suppress__threshold_as_distance(boxes, scores, threshold):
    """Takes the threshold for a distance, 1 - IoU, as some libraries do."""
    return suppress(boxes, scores, 1 - threshold)


def masks_by_suppression__background_too(scores, boxes, threshold):
    """Groups the background like a category, so that it falls to pieces which count as objects."""
    categories = scores.argmax(0) + 1
    shifted = torch.zeros(len(scores) + 1, *categories.shape).scatter(
        0, categories[None], scores.amax(0)[None]
    )
    return [(category - 1, mask) for category, mask in masks_by_suppression(shifted, boxes, threshold)]


def masks_by_suppression__categories_together(scores, boxes, threshold):
    """Suppresses across categories, so that an object that lies on another of a different category is lost."""
    best = scores.argmax(0)
    row, column = (best > 0).nonzero(as_tuple=True)
    found = []
    survivors, suppressed = suppress(boxes[:, row, column].T, scores.amax(0)[row, column], threshold)
    for i, same in zip(survivors.tolist(), suppressed):
        mask = torch.zeros_like(best, dtype=torch.bool)
        mask[row[same], column[same]] = True
        found.append((int(best[row[i], column[i]]), mask))
    return found


def masks_by_suppression__survivors_alone(scores, boxes, threshold):
    """Forgets to trace back: the mask of an object is the one cell that survived."""
    alone = []
    for category, mask in masks_by_suppression(scores, boxes, threshold):
        surest = (scores[category] * mask).flatten().argmax()
        alone.append((category, torch.zeros_like(mask).flatten().index_fill(0, surest, True).view_as(mask)))
    return alone


def peaks_and_assign__every_peak_stands(boxes, weights, size, least):
    """Lets every peak stand, also where a higher one beside it has the same box, so that an object counts often."""
    sums = torch.stack([count_votes(boxes, weights * part, size) for part in (1, *boxes)])
    sums = F.avg_pool2d(sums, 3, 1, 1, divisor_override=1)
    votes = sums[0]
    peak = (votes >= least) & (votes == F.max_pool2d(votes[None], 3, 1, 1)[0])
    found = (sums[1:, peak] / votes[peak]).T
    agreement, number = overlap(boxes.T[:, None], found).max(1)
    return torch.where(agreement >= 0.1, number, -1), found


def peaks_and_assign__nearest_centre(boxes, weights, size, least):
    """Gives a cell to the peak whose centre lies nearest to its own, however large the two boxes are."""
    number, found = peaks_and_assign(boxes, weights, size, least)
    own, centres = (each.unflatten(1, (2, 2)).mean(1) for each in (boxes.T, found))
    return torch.where(number >= 0, torch.cdist(own, centres).argmin(1), -1), found


def peaks_and_assign__nobody_left_out(boxes, weights, size, least):
    """Gives every cell to some peak, also one whose box overlaps none of them."""
    _, found = peaks_and_assign(boxes, weights, size, least)
    return overlap(boxes.T[:, None], found).argmax(1), found


def peaks_and_assign__sum_for_mean(boxes, weights, size, least):
    """Adds up the voters' boxes and forgets to divide by their votes, so that the boxes of peaks are no boxes."""
    sums = torch.stack([count_votes(boxes, weights * part, size) for part in (1, *boxes)])
    sums = F.avg_pool2d(sums, 3, 1, 1, divisor_override=1)
    votes = sums[0]
    peak = (votes >= least) & (votes == F.max_pool2d(votes[None], 3, 1, 1)[0])
    found = sums[1:, peak].T
    found = found[suppress(found, votes[peak], 0.5)[0]]
    agreement, number = overlap(boxes.T[:, None], found).max(1)
    return torch.where(agreement >= 0.1, number, -1), found


def peaks_and_assign__votes_all_alike(boxes, weights, size, least):
    """Counts every vote as one, so that a single cell that errs makes a peak of its own."""
    return peaks_and_assign(boxes, torch.ones_like(weights), size, least)
