"""Wrong answers to the checkpoints of "Putting it together"; each is a mistake that somebody makes."""


def says__logits_for_scores(run, picture):
    """Forgets the softmax: logits are no probabilities, and no threshold fits them."""
    shown = as_shown(picture, run.recipe.pictures)
    pixels = torch.from_numpy(shown.copy())[None].to(run.device)
    with torch.no_grad():
        answer = answers(run.networks, normalise(pixels))
    stride, how = output_stride(run.networks), run.recipe.losses.boxes
    boxes = ENCODINGS[how.encoding].decode(answer["boxes"].float(), stride, how.scale)[0]
    return Maps(answer["categories"].float()[0], boxes, stride, shown.shape[:2])


def says__boxes_still_encoded(run, picture):
    """Forgets to decode: the boxes are offsets and logarithms, and not pixels."""
    shown = as_shown(picture, run.recipe.pictures)
    pixels = torch.from_numpy(shown.copy())[None].to(run.device)
    with torch.no_grad():
        answer = answers(run.networks, normalise(pixels))
    scores = answer["categories"].float().softmax(1)[0]
    return Maps(scores, answer["boxes"].float()[0], output_stride(run.networks), shown.shape[:2])


def says__shown_as_it_is(run, picture):
    """Shows the picture at its own size, and not at the one that the network was trained at."""
    pixels = torch.from_numpy(picture.copy())[None].to(run.device)
    with torch.no_grad():
        answer = answers(run.networks, normalise(pixels))
    stride, how = output_stride(run.networks), run.recipe.losses.boxes
    scores = answer["categories"].float().softmax(1)[0]
    boxes = ENCODINGS[how.encoding].decode(answer["boxes"].float(), stride, how.scale)[0]
    return Maps(scores, boxes, stride, picture.shape[:2])


def says__another_scale(run, picture):
    """Decodes in a unit of its own, 32 pixels, and not in the recipe's."""
    shown = as_shown(picture, run.recipe.pictures)
    pixels = torch.from_numpy(shown.copy())[None].to(run.device)
    with torch.no_grad():
        answer = answers(run.networks, normalise(pixels))
    stride, how = output_stride(run.networks), run.recipe.losses.boxes
    scores = answer["categories"].float().softmax(1)[0]
    boxes = ENCODINGS[how.encoding].decode(answer["boxes"].float(), stride, 32.0)[0]
    return Maps(scores, boxes, stride, shown.shape[:2])


def says__one_encoding_for_all(run, picture):
    """Decodes centre and sizes whatever the recipe says: for nuclei the four numbers are distances to the sides."""
    shown = as_shown(picture, run.recipe.pictures)
    pixels = torch.from_numpy(shown.copy())[None].to(run.device)
    with torch.no_grad():
        answer = answers(run.networks, normalise(pixels))
    stride, how = output_stride(run.networks), run.recipe.losses.boxes
    scores = answer["categories"].float().softmax(1)[0]
    boxes = ENCODINGS["centre"].decode(answer["boxes"].float(), stride, how.scale)[0]
    return Maps(scores, boxes, stride, shown.shape[:2])


def segment__threshold_forgotten(run, picture):
    """Keeps every candidate, whatever its score."""
    maps = says(run, picture)
    found = group(maps, run.recipe.grouping)
    labels = torch.zeros(maps.size, dtype=torch.int64, device=run.device)
    for number in reversed(range(len(found))):
        labels[found.masks[number]] = number + 1
    return resized(labels, picture.shape[:2])


def segment__the_worst_on_top(run, picture):
    """Paints the best first, so that where masks overlap the worst one is seen."""
    maps = says(run, picture)
    found = group(maps, run.recipe.grouping)
    sure = found.select(found.scores >= run.threshold)
    labels = torch.zeros(maps.size, dtype=torch.int64, device=run.device)
    for number in range(len(sure)):
        labels[sure.masks[number]] = number + 1
    return resized(labels, picture.shape[:2])


def segment__of_the_working_size(run, picture):
    """Returns the map at the size that the network saw, and not at the picture's own."""
    maps = says(run, picture)
    found = group(maps, run.recipe.grouping)
    sure = found.select(found.scores >= run.threshold)
    labels = torch.zeros(maps.size, dtype=torch.int64, device=run.device)
    for number in reversed(range(len(sure))):
        labels[sure.masks[number]] = number + 1
    return labels


def segment__numbered_from_0(run, picture):
    """Gives the best instance the number 0, which is none."""
    maps = says(run, picture)
    found = group(maps, run.recipe.grouping)
    sure = found.select(found.scores >= run.threshold)
    labels = torch.zeros(maps.size, dtype=torch.int64, device=run.device)
    for number in reversed(range(len(sure))):
        labels[sure.masks[number]] = number
    return resized(labels, picture.shape[:2])


def shared_pixels__background_is_an_instance(masks, instances):
    """Counts the background, number 0, as the first instance."""
    there = instances == np.arange(instances.max() + 1)[:, None, None]
    mine, theirs = (each.reshape(len(each), instances.size).astype(int) for each in (masks, there))
    return mine @ theirs.T, mine.sum(1), theirs.sum(1)


def shared_pixels__of_bools(masks, instances):
    """Multiplies bools: the product says whether two share a pixel, and not how many."""
    there = instances == np.arange(1, instances.max() + 1)[:, None, None]
    mine, theirs = (each.reshape(len(each), instances.size) for each in (masks, there))
    return (mine @ theirs.T).astype(int), mine.sum(1), theirs.sum(1)


def shared_pixels__only_what_is_shared_has_an_area(masks, instances):
    """Counts of a mask only what lies in some instance."""
    there = instances == np.arange(1, instances.max() + 1)[:, None, None]
    mine, theirs = (each.reshape(len(each), instances.size).astype(int) for each in (masks, there))
    return mine @ theirs.T, (mine @ theirs.T).sum(1), theirs.sum(1)


def ratios__sum_for_union(pixels):
    """Divides by both areas together: what is shared counts twice in them."""
    shared, areas, true_areas = (np.asarray(each) for each in pixels)
    areas = areas[:, None]
    sizes = areas + true_areas, true_areas + 0 * areas, areas + 0 * true_areas
    return tuple(shared / np.maximum(size, 1) for size in sizes)


def ratios__cover_and_inside_swapped(pixels):
    """Takes the share of the mask for that of the instance, and the other way round."""
    shared, areas, true_areas = (np.asarray(each) for each in pixels)
    areas = areas[:, None]
    union = areas + true_areas - shared
    return tuple(shared / np.maximum(size, 1) for size in (union, areas, true_areas))


def ratios__nothing_by_nothing(pixels):
    """Divides 0 by 0 for a mask without pixels."""
    shared, areas, true_areas = (np.asarray(each) for each in pixels)
    areas = areas[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return tuple(shared / size for size in (areas + true_areas - shared, true_areas, areas))


def why_missed__last_rule_wins(pixels, kinds, true_kinds, unsure, seen, small):
    """Lets the last rule that applies decide, and not the first."""
    iou, cover, inside = ratios(pixels)
    same = np.asarray(kinds)[:, None] == true_kinds
    merging, pieces = (cover > 0.5).sum(1, keepdims=True) > 1, inside > 0.5
    found = ((iou > 0.5) & same).any(0)
    rules = [
        np.ones(len(seen), bool),
        ((iou > 0.5) & ~same).any(0),
        ((cover > 0.5) & merging).any(0),
        (pieces.sum(0) > 1) & ((cover * pieces).sum(0) > 0.5),
        unsure,
        (iou > 0.1).any(0),
        np.asarray(pixels[2]) < small,
        seen <= 0.5,
    ]
    last = len(rules) - 1 - np.argmax(rules[::-1], 0)
    return np.where(found, 0, np.where(last == 0, 8, last))


def why_missed__kind_not_asked(pixels, kinds, true_kinds, unsure, seen, small):
    """Takes an object for found whatever kind the mask is of."""
    kinds = np.asarray(kinds)
    iou, _, _ = ratios(pixels)
    right = why_missed(pixels, kinds, true_kinds, unsure, seen, small)
    return np.where((iou > 0.5).any(0), 0, right)


def why_missed__one_piece_is_a_split(pixels, kinds, true_kinds, unsure, seen, small):
    """Calls an object split as soon as a single mask lies in it and covers more than half."""
    iou, cover, inside = ratios(pixels)
    same = np.asarray(kinds)[:, None] == true_kinds
    merging, pieces = (cover > 0.5).sum(1, keepdims=True) > 1, inside > 0.2
    rules = [
        ((iou > 0.5) & same).any(0),
        ((iou > 0.5) & ~same).any(0),
        ((cover > 0.5) & merging).any(0),
        (cover * pieces).sum(0) > 0.3,
        unsure,
        (iou > 0.1).any(0),
        np.asarray(pixels[2]) < small,
        seen <= 0.5,
        np.ones(len(seen), bool),
    ]
    return np.argmax(rules, 0)


def why_missed__a_half_is_enough(pixels, kinds, true_kinds, unsure, seen, small):
    """Lets an IoU of exactly one half fit: at least, in the place of above."""
    iou, _, _ = ratios(pixels)
    same = np.asarray(kinds)[:, None] == true_kinds
    right = why_missed(pixels, kinds, true_kinds, unsure, seen, small)
    return np.where(((iou >= 0.5) & same).any(0), 0, right)


def why_false__an_object_is_taken_twice(pixels, kinds, true_kinds):
    """Every mask that fits is a hit, the second on the same object too."""
    iou, _, _ = ratios(pixels)
    same = np.asarray(kinds)[:, None] == true_kinds
    return np.where(((iou > 0.5) & same).any(1), 0, why_false(pixels, kinds, true_kinds))


def why_false__the_last_takes_the_object(pixels, kinds, true_kinds):
    """Of two masks that fit an object the worse one is the hit."""
    shared, areas, true_areas = (np.asarray(each) for each in pixels)
    turned = why_false((shared[::-1], areas[::-1], true_areas), np.asarray(kinds)[::-1], true_kinds)
    return turned[::-1]


def why_false__inside_for_cover(pixels, kinds, true_kinds):
    """Asks which share of the mask lies in an object, and not which share of it is covered: no mask is merged."""
    shared, areas, true_areas = (np.asarray(each) for each in pixels)
    right = why_false(pixels, kinds, true_kinds)
    iou, cover, inside = ratios(pixels)
    part, loose = ((inside > 0.5) & (cover <= 0.5)).any(1), (iou > 0.1).any(1)
    without = np.where(part, 4, np.where(loose, 5, 6))
    return np.where(right == 3, without, right)


def with_truth__certain_of_all(maps, sample, scores, boxes):
    """Gives every true category a score of 1: nothing says any more which box is to be trusted."""
    right = with_truth(maps, sample, scores, boxes)
    true = true_scores(sample, len(maps.scores), maps.stride).to(maps.scores)
    return right._replace(scores=true) if scores else right


def with_truth__as_unsure_as_the_network(maps, sample, scores, boxes):
    """Leaves the true category the network's own probability, below that of a wrong one where it was wrong."""
    right = with_truth(maps, sample, scores, boxes)
    if not scores:
        return right
    true = true_scores(sample, len(maps.scores), maps.stride).to(maps.scores)
    kept = true * maps.scores
    kept[0] = 1 - kept[1:].sum(0)
    return right._replace(scores=kept)


def with_truth__no_box_in_the_background(maps, sample, scores, boxes):
    """Gives cells of the background a box of size 0 in the corner of the picture."""
    right = with_truth(maps, sample, scores, boxes)
    if not boxes:
        return right
    true, _ = box_targets(torch.from_numpy(sample.instances)[None], maps.stride)
    return right._replace(boxes=true[0].to(maps.boxes))


def with_truth__both_whatever_is_asked(maps, sample, scores, boxes):
    """Puts the truth in both places as soon as one is asked for."""
    return with_truth(maps, sample, scores or boxes, scores or boxes)


def best_cut__at_the_score_itself(scores, hits, n):
    """Cuts at the last score that is worth keeping, and not half-way to the next."""
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    f1 = 2 * np.cumsum(hits) / (np.arange(1, len(hits) + 1) + n)
    f1[:-1][scores[:-1] == scores[1:]] = -1
    return float(scores[int(f1.argmax())])


def best_cut__parts_equal_scores(scores, hits, n):
    """Cuts between masks of equal score, which no threshold can do."""
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    f1 = 2 * np.cumsum(hits) / (np.arange(1, len(hits) + 1) + n)
    best = int(f1.argmax())
    following = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((scores[best] + following) / 2)


def best_cut__best_precision(scores, hits, n):
    """Takes the best precision, which a single hit at the top has, and not F1."""
    order = np.argsort(-scores, kind="stable")
    scores, hits = scores[order], hits[order]
    precision = np.cumsum(hits) / np.arange(1, len(hits) + 1)
    precision[:-1][scores[:-1] == scores[1:]] = -1
    best = int(precision.argmax())
    following = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((scores[best] + following) / 2)


def best_cut__scores_not_in_order(scores, hits, n):
    """Forgets to sort: masks are counted in the order in which they came."""
    f1 = 2 * np.cumsum(hits) / (np.arange(1, len(hits) + 1) + n)
    f1[:-1][scores[:-1] == scores[1:]] = -1
    best = int(f1.argmax())
    following = scores[best + 1] if best + 1 < len(scores) else 0.0
    return float((scores[best] + following) / 2)


def count_error__errors_cancel(scores, truths, threshold):
    """Takes the sign away after the mean: too many here and too few there cancel."""
    counted = np.array([(some >= threshold).sum() for some in scores])
    mean = float((counted - np.array(truths)).mean())
    return abs(mean), mean


def count_error__above_the_threshold(scores, truths, threshold):
    """Leaves out a mask whose score is the threshold itself."""
    counted = np.array([(some > threshold).sum() for some in scores])
    errors = counted - np.array(truths)
    return float(np.abs(errors).mean()), float(errors.mean())


def count_error__sign_turned(scores, truths, threshold):
    """Takes the count from the truth: a positive bias then says too few."""
    counted = np.array([(some >= threshold).sum() for some in scores])
    errors = np.array(truths) - counted
    return float(np.abs(errors).mean()), float(errors.mean())
