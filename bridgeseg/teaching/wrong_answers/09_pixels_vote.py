"""Wrong answers to the checkpoints of "Pixels vote"; each is a mistake that somebody makes."""


def ballard__votes_away_from_the_point(edges, template, reference):
    """Subtracts the wrong way round, so that an edge votes on the side where the point is not."""
    votes = torch.zeros_like(edges)
    for y, x in template.nonzero().tolist():
        for row, column in (edges == template[y, x]).nonzero().tolist():
            to = row - (reference[0] - y), column - (reference[1] - x)
            if 0 <= to[0] < len(edges) and 0 <= to[1] < len(edges[0]):
                votes[to] += 1
    return votes


def ballard__every_edge_is_alike(edges, template, reference):
    """Does not look at the kind: every edge votes for all that the table lists."""
    return ballard((edges > 0).long(), (template > 0).long(), reference)


def ballard__negative_places_wrap(edges, template, reference):
    """A vote left of the paper or above it counts from the other end, as Python's negative indices do."""
    votes = torch.zeros_like(edges)
    for y, x in template.nonzero().tolist():
        for row, column in (edges == template[y, x]).nonzero().tolist():
            to = row + reference[0] - y, column + reference[1] - x
            if to[0] < len(edges) and to[1] < len(edges[0]):
                votes[to] += 1
    return votes


def candidates__background_stands(scores, top, least):
    """The background is a candidate like any other category."""
    flat = scores.flatten(1)
    best = flat.topk(min(top, len(flat)), dim=0).indices
    among = torch.zeros_like(flat, dtype=torch.bool).scatter(0, best, True)
    return (among & (flat >= least)).nonzero(as_tuple=True)


def candidates__background_takes_no_place(scores, top, least):
    """The best few are taken among the other categories, so that the background takes none of the places."""
    flat = scores.flatten(1)[1:]
    best = flat.topk(min(top, len(flat)), dim=0).indices
    among = torch.zeros_like(flat, dtype=torch.bool).scatter(0, best, True)
    kinds, cells = (among & (flat >= least)).nonzero(as_tuple=True)
    return kinds + 1, cells


def candidates__any_probability(scores, top, least):
    """Does not ask for the least probability."""
    return candidates(scores, top, 0.0)


def stays__the_struck_out_strike(over):
    """A box that was suppressed suppresses others, too."""
    return ~over.triu(1).any(0)


def stays__strikes_out_the_better(over):
    """Strikes out those before it as well, which were better."""
    keep = torch.ones(len(over), dtype=torch.bool)
    for k in range(len(over)):
        if keep[k]:
            keep &= ~over[k]
            keep[k] = True
    return keep


def traced__one_owner(boxes, maxima, overlap):
    """Gives each candidate to the maximum that it overlaps most, and to no other."""
    table = iou(boxes[maxima][:, None], boxes)
    if not len(table):
        return table > overlap
    table[torch.arange(len(maxima)), maxima] = 2.0
    first = torch.zeros_like(table, dtype=torch.bool).scatter_(0, table.argmax(0, keepdim=True), True)
    return first & (table > overlap)


def traced__at_the_threshold_too(boxes, maxima, overlap):
    """A box that overlaps by exactly the threshold is suppressed, too."""
    mine = iou(boxes[maxima][:, None], boxes) >= overlap
    mine[torch.arange(len(maxima)), maxima] = True
    return mine


def traced__not_itself(boxes, maxima, overlap):
    """A maximum without area overlaps nothing, not even itself, and its mask has no pixel."""
    return iou(boxes[maxima][:, None], boxes) > overlap


def of_one_category__the_maximums_own_score(boxes, certain, settings):
    """Takes the probability of the maximum, and not the mean over the mask."""
    order = certain.argsort(descending=True, stable=True)
    maxima = order[stays(iou(boxes[order][:, None], boxes[order]) > settings.overlap)]
    masks, score = traced(boxes, maxima, settings.overlap), certain[maxima]
    keep = stays(mask_overlaps(masks) > settings.mask_overlap)
    return masks[keep], score[keep]


def of_one_category__duplicates_stay(boxes, certain, settings):
    """Leaves out the suppression of masks, so that duplicates stay."""
    order = certain.argsort(descending=True, stable=True)
    maxima = order[stays(iou(boxes[order][:, None], boxes[order]) > settings.overlap)]
    masks = traced(boxes, maxima, settings.overlap)
    score = (masks * certain).sum(1) / masks.sum(1)
    order = score.argsort(descending=True, stable=True)
    return masks[order], score[order]


def of_one_category__masks_of_boxes_not_of_survivors(boxes, certain, settings):
    """Suppresses in the order in which the boxes came, and not the surest first."""
    maxima = stays(iou(boxes[:, None], boxes) > settings.overlap).nonzero()[:, 0]
    masks = traced(boxes, maxima, settings.overlap)
    score = (masks * certain).sum(1) / masks.sum(1)
    order = score.argsort(descending=True, stable=True)
    masks, score = masks[order], score[order]
    keep = stays(mask_overlaps(masks) > settings.mask_overlap)
    return masks[keep], score[keep]


def by_suppression__categories_suppress_one_another(scores, boxes, settings):
    """Lets candidates of all categories suppress one another, as if there were one."""
    best = scores[1:].max(0).values
    merged = torch.stack([1 - best, best])
    masks, _, found = by_suppression(merged, boxes, settings)
    kinds = [1 + int(scores[1:, mask].mean(1).argmax()) for mask in masks]
    return masks, torch.tensor(kinds, dtype=torch.int64), found


def by_suppression__by_category_not_by_score(scores, boxes, settings):
    """Returns the instances category by category, and not the best score first."""
    masks, categories, found = by_suppression(scores, boxes, settings)
    order = categories.argsort(stable=True)
    return masks[order], categories[order], found[order]


def by_suppression__columns_before_rows(scores, boxes, settings):
    """Takes a cell's number for column times height plus row, so that masks lie on their side."""
    masks, categories, found = by_suppression(scores, boxes, settings)
    shape = masks.shape[1:]
    return masks.flatten(1).view(-1, *shape[::-1]).transpose(1, 2), categories, found


def fair__by_the_side(certain, boxes, cell):
    """Divides by the root of the area: a large object still gathers more votes than a small one."""
    area = (boxes[2] - boxes[0]) * (boxes[3] - boxes[1])
    return certain * cell / area.clamp(min=cell**2).sqrt()


def fair__no_least_area(certain, boxes, cell):
    """A box smaller than a cell makes a vote of any weight."""
    return certain * cell**2 / ((boxes[2] - boxes[0]) * (boxes[3] - boxes[1])).clamp(min=1e-6)


def fair__in_pixels(certain, boxes, cell):
    """Counts the area in pixels and not in cells: an object of a coarser map gathers less."""
    area = (boxes[2] - boxes[0]) * (boxes[3] - boxes[1])
    return certain / area.clamp(min=cell**2)


def gather__rows_for_columns(kinds, boxes, weights, classes, grid, cell, around=3):
    """Exchanges x and y."""
    return gather(kinds, boxes[[1, 0, 3, 2]], weights, classes, grid, cell, around)


def gather__sums_not_means(kinds, boxes, weights, classes, grid, cell, around=3):
    """Returns the sums of the boxes and forgets to divide them by the votes."""
    votes, boxes = gather(kinds, boxes, weights, classes, grid, cell, around)
    return votes, boxes * votes[:, None]


def gather__the_last_vote_counts(kinds, boxes, weights, classes, grid, cell, around=3):
    """Writes votes with an index, where a second vote for a place overwrites the first."""
    x = ((boxes[0] + boxes[2]) / (2 * cell)).long().clamp(0, grid[1] - 1)
    y = ((boxes[1] + boxes[3]) / (2 * cell)).long().clamp(0, grid[0] - 1)
    sheets = torch.zeros(5, classes - 1, *grid)
    sheets[:, kinds - 1, y, x] = torch.cat([weights[None], weights * boxes])
    sheets = F.avg_pool2d(sheets, around, 1, around // 2, divisor_override=1)
    return sheets[0], (sheets[1:] / sheets[0].clamp(min=1e-12)).transpose(0, 1)


def sheets_of__the_best_category_alone(maps, weigh=None, around=3):
    """Lets a cell vote for its best category alone, and not for the second best."""
    kinds, cells = candidates(maps.scores, 1, 0.2)
    own, certain = maps.boxes.flatten(1)[:, cells], maps.scores.flatten(1)[kinds, cells]
    grid = [-(-side // maps.stride) for side in maps.size]
    weights = (weigh or fair)(certain, own, maps.stride)
    return gather(kinds, own, weights, len(maps.scores), grid, maps.stride, around)


def sheets_of__places_of_a_pixel(maps, weigh=None, around=3):
    """Makes places as wide as a pixel, so that votes of one object meet nowhere."""
    kinds, cells = candidates(maps.scores, 2, 0.2)
    own, certain = maps.boxes.flatten(1)[:, cells], maps.scores.flatten(1)[kinds, cells]
    return gather(
        kinds, own, (weigh or fair)(certain, own, maps.stride), len(maps.scores), maps.size, 1, around
    )


def swallow__categories_alike(kinds, votes, boxes):
    """Suppresses across categories as readily as within one."""
    order = votes.argsort(descending=True, stable=True)
    keep = order[stays(iou(boxes[order][:, None], boxes[order]) > 0.5)]
    return kinds[keep], votes[keep], boxes[keep]


def swallow__within_categories_alone(kinds, votes, boxes):
    """Leaves two peaks of different categories with one box."""
    order = votes.argsort(descending=True, stable=True)
    kin = kinds[order][:, None] == kinds[order]
    keep = order[stays((iou(boxes[order][:, None], boxes[order]) > 0.5) & kin)]
    return kinds[keep], votes[keep], boxes[keep]


def peaks__all_strong_places(votes, boxes, least=0.05):
    """Takes every place with enough votes, whatever its neighbours have."""
    kind, y, x = (votes >= least).nonzero(as_tuple=True)
    return swallow(kind + 1, votes[kind, y, x], boxes[kind, :, y, x])


def peaks__weak_ones_too(votes, boxes, least=0.05):
    """Takes every local maximum, however few its votes are."""
    kind, y, x = ((votes >= F.max_pool2d(votes, 3, 1, 1)) & (votes > 0)).nonzero(as_tuple=True)
    return swallow(kind + 1, votes[kind, y, x], boxes[kind, :, y, x])


def peaks__categories_from_zero(votes, boxes, least=0.05):
    """Counts categories from 0, where sheet 0 is that of category 1."""
    kinds, votes, boxes = peaks(votes, boxes, least)
    return kinds - 1, votes, boxes


def assign__by_the_box_alone(boxes, scores, kinds, found):
    """Does not ask for the category: of two objects with one box the pixel cannot tell which is its own."""
    best = iou(boxes[:, None], found).argmax(1, keepdim=True)
    overlap = iou(boxes[:, None], found).gather(1, best)[:, 0]
    return torch.where(overlap >= 0.1, best[:, 0], -1), overlap, scores[:, kinds].gather(1, best)[:, 0]


def assign__everybody_has_a_peak(boxes, scores, kinds, found):
    """Gives every pixel to a peak, however little the boxes agree."""
    overlap, certain = iou(boxes[:, None], found), scores[:, kinds]
    best = (overlap * certain.clamp(min=1e-4).sqrt()).argmax(1, keepdim=True)
    return best[:, 0], overlap.gather(1, best)[:, 0], certain.gather(1, best)[:, 0]


def assign__categories_from_zero(boxes, scores, kinds, found):
    """Looks up the probability in the column before the category's, as if the background had none."""
    return assign(boxes, scores, kinds - 1, found)


def refine__all_cells_weigh_alike(kinds, found, scores, boxes, cell):
    """Takes the plain mean of the cells that chose a peak, those that hardly agree among them."""
    number, _, certain = assign(boxes, scores, kinds, found)
    held = number >= 0
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp(min=cell**2)
    values = torch.cat([torch.ones(1, len(boxes)), boxes.T, (certain / area)[None]])
    sums = torch.zeros(6, len(kinds)).index_add_(1, number[held], values[:, held])
    there = sums[0] > 0
    sums = sums[:, there]
    return swallow(kinds[there], sums[5], (sums[1:5] / sums[0]).T)


def refine__nobody_chose_it_is_nan(kinds, found, scores, boxes, cell):
    """Keeps a peak that no cell chose, whose mean is 0 by 0."""
    number, overlap, certain = assign(boxes, scores, kinds, found)
    held, weight = number >= 0, overlap**2 * certain
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp(min=cell**2)
    values = torch.cat([weight[None], weight * boxes.T, (certain / area)[None]])
    sums = torch.zeros(6, len(kinds)).index_add_(1, number[held], values[:, held])
    return swallow(kinds, sums[5], (sums[1:5] / sums[0]).T)


def refine__one_pixel_alone_is_counted(kinds, found, scores, boxes, cell):
    """The last cell that chose a peak overwrites those before it."""
    number, overlap, certain = assign(boxes, scores, kinds, found)
    held, weight = number >= 0, overlap**2 * certain
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1).clamp(min=cell**2)
    sums = torch.zeros(6, len(kinds))
    sums[:, number[held]] = torch.cat([weight[None], weight * boxes.T, (certain / area)[None]])[:, held]
    there = sums[0] > 0
    sums = sums[:, there]
    return swallow(kinds[there], sums[5], (sums[1:5] / sums[0]).T)


def parts_of_score__sums_not_means(number, certain, overlap, fit):
    """Adds up over the pixels and does not divide: the larger an instance, the more it is trusted."""
    both = torch.stack([certain, overlap])
    sums = torch.zeros(2, len(fit)).index_add_(1, number, both)
    return torch.cat([sums, fit[None]])


def parts_of_score__no_pixels_is_nan(number, certain, overlap, fit):
    """Divides by the number of pixels even where there are none: 0 by 0."""
    count = torch.zeros(len(fit)).index_add_(0, number, torch.ones(len(number)))
    sums = torch.zeros(2, len(fit)).index_add_(1, number, torch.stack([certain, overlap]))
    return torch.cat([sums / count, fit[None]])
