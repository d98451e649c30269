"""Wrong answers to the checkpoints of "How good is it?"; each is a mistake that somebody makes."""


def confusion_matrix__counts_void_as_background(truth, guess, classes):
    """Void becomes category 0, so that every void pixel is a pixel of the background."""
    pairs = np.where(truth == 255, 0, truth).astype(int) * classes + guess
    return np.bincount(pairs.ravel(), minlength=classes**2).reshape(classes, classes)


def confusion_matrix__rows_and_columns_exchanged(truth, guess, classes):
    """The pair is written the wrong way round, so that a row is a predicted category."""
    known = truth != 255
    pairs = guess[known].astype(int) * classes + truth[known]
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)


def confusion_matrix__runs_over_in_bytes(truth, guess, classes):
    """The product is computed in bytes, which begin at 0 again after 255: nothing is seen with few categories."""
    known = truth != 255
    pairs = truth[known] * np.uint8(classes) + guess[known]
    counts = np.bincount(pairs, minlength=classes**2)[: classes**2]
    return counts.reshape(classes, classes)


def iou_by_category__accuracy_of_the_category(matrix):
    """Divides by the true pixels alone, so that painting too much costs nothing."""
    whole = matrix.sum(1)
    iou = np.full(len(matrix), np.nan)
    iou[whole > 0] = matrix.diagonal()[whole > 0] / whole[whole > 0]
    return iou[whole > 0].mean(), iou


def iou_by_category__absent_counts_as_nought(matrix):
    """A category that never occurs has an IoU of 0 and pulls the mean down."""
    right = matrix.diagonal()
    union = matrix.sum(1) + matrix.sum(0) - right
    iou = right / np.maximum(union, 1)
    return iou.mean(), iou


def iou_by_category__leaves_out_what_was_made_up(matrix):
    """The mean over the true categories alone: a category that was made up costs nothing."""
    right = matrix.diagonal()
    union = matrix.sum(1) + matrix.sum(0) - right
    iou = np.full(len(matrix), np.nan)
    iou[union > 0] = right[union > 0] / union[union > 0]
    return iou[matrix.sum(1) > 0].mean(), iou


def iou_by_category__without_background(matrix):
    """The background is left out of the mean, as for instances."""
    right = matrix.diagonal()
    union = matrix.sum(1) + matrix.sum(0) - right
    iou = np.full(len(matrix), np.nan)
    iou[union > 0] = right[union > 0] / union[union > 0]
    return np.nanmean(iou[1:]), iou


def mask_iou__void_counts(masks, there, void):
    """Void is not cut out, so that a mask is to blame for the void that it covers."""
    mine, theirs = (each.reshape(len(each), -1).astype(float) for each in (masks, there))
    shared = mine @ theirs.T
    return shared / (mine.sum(1)[:, None] + theirs.sum(1) - shared)


def mask_iou__of_boxes(masks, there, void):
    """The IoU of the masks' boxes and not of the masks: right for rectangles, wrong for the rest of the world."""

    def boxed(mask):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = np.zeros_like(mask)
        box[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        return box

    full = [np.stack([boxed(mask & ~void) for mask in each]) for each in (masks, there)]
    mine, theirs = (each[:, ~void].astype(float) for each in full)
    shared = mine @ theirs.T
    return shared / (mine.sum(1)[:, None] + theirs.sum(1) - shared)


def mask_iou__union_counts_the_shared_twice(masks, there, void):
    """The sum of both areas in the place of the union: no overlap is above one half."""
    mine, theirs = (each[:, ~void].astype(float) for each in (masks, there))
    return mine @ theirs.T / (mine.sum(1)[:, None] + theirs.sum(1))


def match__duplicates_are_hits(iou, threshold):
    """Nobody remembers which objects are taken."""
    return (iou > threshold).any(1) if iou.shape[1] else np.zeros(len(iou), bool)


def match__reaching_is_enough(iou, threshold):
    """At least the threshold, where the rule says more than the threshold."""
    free = np.ones(iou.shape[1], bool)
    hits = np.zeros(len(iou), bool)
    for i, row in enumerate(iou):
        fits = np.flatnonzero(free & (row >= threshold))
        if len(fits):
            taken = max(fits, key=lambda j: (row[j], j))
            free[taken], hits[i] = False, True
    return hits


def match__only_the_best_of_all(iou, threshold):
    """Looks only at the best object, taken or not: another rule."""
    free = np.ones(iou.shape[1], bool)
    hits = np.zeros(len(iou), bool)
    for i, row in enumerate(iou):
        best = max(range(len(row)), key=lambda j: (row[j], j), default=None)
        if best is not None and free[best] and row[best] > threshold:
            free[best], hits[i] = False, True
    return hits


def match__best_fit_first(iou, threshold):
    """The pair with the largest IoU is matched first, and the scores have no say."""
    left, hits = iou.copy(), np.zeros(len(iou), bool)
    while left.size and left.max() > threshold:
        i, j = np.unravel_index(left.argmax(), left.shape)
        left[i], left[:, j], hits[i] = -1, -1, True
    return hits


def precision_and_recall__divided_by_all_masks(hits, n):
    """Precision is divided by the number of all masks, not of those so far."""
    h = np.cumsum(hits)
    return h / len(hits), h / n


def precision_and_recall__recall_of_what_was_found(hits, n):
    """Recall is the share of the hits and not of the objects, so that it always ends at 1."""
    h = np.cumsum(hits)
    return h / np.arange(1, len(hits) + 1), h / max(hits.sum(), 1)


def precision_and_recall__one_mask_too_many(hits, n):
    """The count is off by one: after the first mask, two are said to have been seen."""
    h = np.cumsum(hits)
    return h / np.arange(2, len(hits) + 2), h / n


def envelope__from_the_left(precision):
    """The running maximum from the left: the best so far, where the best to come is wanted."""
    return np.maximum.accumulate(precision)


def envelope__not_turned_back(precision):
    """The list is turned round, and not back."""
    return np.maximum.accumulate(precision[::-1])


def envelope__as_it_comes(precision):
    """No envelope at all."""
    return precision.copy()


def area__without_the_envelope(hits, n):
    """The mean precision at the hits as it comes, without the envelope."""
    precision, _ = precision_and_recall(hits, n)
    return float(precision[hits].sum() / n)


def area__over_what_was_found(hits, n):
    """Divides by the number of hits, so that what is missed costs nothing."""
    precision, _ = precision_and_recall(hits, n)
    return float(envelope(precision)[hits].sum() / max(hits.sum(), 1))


def area__of_every_mask(hits, n):
    """A strip for each mask, also for those that do not raise the recall."""
    precision, _ = precision_and_recall(hits, n)
    return float(envelope(precision).sum() / n)


def area__trapezoids(hits, n):
    """Straight lines from dot to dot, where the envelope has steps."""
    precision, recall = precision_and_recall(hits, n)
    return float(np.trapezoid(np.append(1.0, precision), np.append(0.0, recall)))


def pooled__picture_after_picture(pictures, category, threshold, matching=match):
    """The lists of the pictures are put together and never ranked."""
    hits, n = [], 0
    for look in pictures:
        mine, theirs = look.categories == category, look.true_categories == category
        hits.append(matching(look.iou[mine][:, theirs], threshold))
        n += int(theirs.sum())
    return np.concatenate(hits), n


def pooled__lowest_score_first(pictures, category, threshold, matching=match):
    """The minus sign is forgotten: the ranking stands on its head."""
    scores, hits, n = [], [], 0
    for look in pictures:
        mine, theirs = look.categories == category, look.true_categories == category
        scores.append(look.scores[mine])
        hits.append(matching(look.iou[mine][:, theirs], threshold))
        n += int(theirs.sum())
    return np.concatenate(hits)[np.argsort(np.concatenate(scores), kind="stable")], n


def pooled__ties_turned_round(pictures, category, threshold, matching=match):
    """Sorted upwards and turned round, which also turns round the masks of equal score."""
    scores, hits, n = [], [], 0
    for look in pictures:
        mine, theirs = look.categories == category, look.true_categories == category
        scores.append(look.scores[mine])
        hits.append(matching(look.iou[mine][:, theirs], threshold))
        n += int(theirs.sum())
    return np.concatenate(hits)[np.argsort(np.concatenate(scores), kind="stable")[::-1]], n


def pooled__only_pictures_where_something_was_found(pictures, category, threshold, matching=match):
    """Pictures without a mask are passed over, and with them the objects that were missed there."""
    found = [look for look in pictures if (look.categories == category).any()]
    scores, hits, n = [], [], 0
    for look in found:
        mine, theirs = look.categories == category, look.true_categories == category
        scores.append(look.scores[mine])
        hits.append(matching(look.iou[mine][:, theirs], threshold))
        n += int(theirs.sum())
    return np.concatenate(hits)[np.argsort(-np.concatenate(scores), kind="stable")], n


def pooled__any_object_will_do(pictures, category, threshold, matching=match):
    """A mask may take an object of another category."""
    scores, hits, n = [], [], 0
    for look in pictures:
        mine = look.categories == category
        scores.append(look.scores[mine])
        hits.append(matching(look.iou[mine], threshold))
        n += int((look.true_categories == category).sum())
    return np.concatenate(hits)[np.argsort(-np.concatenate(scores), kind="stable")], n


def match_by__one_rule_for_all(iou, threshold, rule):
    """The rule is not looked at."""
    return match(iou, threshold)


def match_by__always_the_best_of_all(iou, threshold, rule):
    """A mask looks at its best object alone, by all three rules."""
    free, hits = np.ones(iou.shape[1], bool), np.zeros(len(iou), bool)
    fits = iou > threshold if rule == "sds" else iou >= threshold
    for i, row in enumerate(iou):
        wanted = max(range(len(row)), key=lambda j: (row[j], -j), default=None)
        if wanted is not None and free[wanted] and fits[i, wanted]:
            free[wanted], hits[i] = False, True
    return hits


def match_by__more_than_the_threshold_for_all(iou, threshold, rule):
    """The tie at the threshold is decided as SDS does it, by all three rules."""
    free, hits = np.ones(iou.shape[1], bool), np.zeros(len(iou), bool)
    for i, row in enumerate(iou):
        if rule == "mnc":
            wanted = max(range(len(row)), key=lambda j: (row[j], -j), default=None)
        else:
            wanted = max(np.flatnonzero(free), key=lambda j: (row[j], j), default=None)
        if wanted is not None and free[wanted] and row[wanted] > threshold:
            free[wanted], hits[i] = False, True
    return hits


def integrate__always_the_area(hits, n, rule):
    """The rule is not looked at."""
    return area(hits, n)


def integrate__without_the_recall_nought(hits, n, rule):
    """Ten and a hundred points: the recall 0, which is a present, is not asked for."""
    if rule == "sds":
        return area(hits, n)
    precision, recall = precision_and_recall(hits, n)
    points = np.arange(1, 11) / 10 if rule == "mnc" else np.linspace(0, 1, 101)[1:]
    return float(np.mean([precision[recall >= r].max(initial=0) for r in points]))


def integrate__points_that_were_computed(hits, n, rule):
    """The eleven recalls as multiples of 0.1, some of which are a little more than they should be: ties are lost."""
    if rule == "sds":
        return area(hits, n)
    precision, recall = precision_and_recall(hits, n)
    points = 0.1 * np.arange(11) if rule == "mnc" else np.linspace(0, 1, 101)
    return float(np.mean([precision[recall >= r].max(initial=0) for r in points]))
