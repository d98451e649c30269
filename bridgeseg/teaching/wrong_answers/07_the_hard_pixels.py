"""Wrong answers to the checkpoints of "The hard pixels"; each is a mistake that somebody makes."""


def log_right__void_has_a_category(logits, labels):
    """Void, 255, is cut down to the last category, and so gets a probability like any pixel."""
    category = labels.long().clamp(max=logits.shape[1] - 1)[:, None]
    return logits.log_softmax(1).gather(1, category)[:, 0]


def log_right__logarithm_of_a_rounded_probability(logits, labels):
    """Takes the logarithm of a probability that is 0 in single precision, which is minus infinity."""
    known = labels != 255
    category = labels.long().where(known, 0)[:, None]
    return logits.softmax(1).log().gather(1, category)[:, 0].where(known, 0)


def log_right__softmax_over_the_batch(logits, labels):
    """The softmax runs over the pictures and not over the categories."""
    known = labels != 255
    category = labels.long().where(known, 0)[:, None]
    return logits.log_softmax(0).gather(1, category)[:, 0].where(known, 0)


def plain__divided_by_void_too(logits, labels):
    """The mean is taken over all cells, void among them, so that a picture with much void counts less."""
    return -log_right(logits, labels).mean()


def plain__nothing_known_is_nan(logits, labels):
    """Divides by the known cells even where there are none: 0 by 0."""
    return -log_right(logits, labels).sum() / (labels != 255).sum()


def at_least__the_easy_ones(p, known, threshold, floor):
    """Ranks from the easiest on, so that the floor is filled with pixels that are known already."""
    hard = p < threshold
    ranked = p[known].sort(descending=True).values
    if count := min(floor, len(ranked)):
        hard = hard | (p >= ranked[count - 1])
    return hard & known


def at_least__void_is_ranked(p, known, threshold, floor):
    """Void is put in order with the others and takes places of the floor."""
    hard = p < threshold
    ranked = p.flatten().sort().values
    if count := min(floor, len(ranked)):
        hard = hard | (p <= ranked[count - 1])
    return hard & known


def at_least__void_is_kept(p, known, threshold, floor):
    """Forgets at the end that void is never kept."""
    hard = p < threshold
    ranked = p[known].sort().values
    if count := min(floor, len(ranked)):
        hard = hard | (p <= ranked[count - 1])
    return hard


def at_least__a_pixel_at_the_threshold_is_hard(p, known, threshold, floor):
    """A pixel whose p is the threshold itself counts as hard; the equation says p < t."""
    hard = p <= threshold
    ranked = p[known].sort().values
    if count := min(floor, len(ranked)):
        hard = hard | (p <= ranked[count - 1])
    return hard & known


def at_least__floor_above_the_known(p, known, threshold, floor):
    """Leaves the threshold where it is when the floor asks for more pixels than are known; all of them should stay."""
    hard = p < threshold
    ranked = p[known].sort().values
    if 0 < floor <= len(ranked):
        hard = hard | (p <= ranked[floor - 1])
    return hard & known


def exactly__the_easy_ones(p, known, count):
    """Takes the largest p, as `topk` does unless it is told otherwise: the easiest pixels."""
    ranked = p.where(known, -torch.inf).flatten()
    places = ranked.topk(min(count, int(known.sum()))).indices
    kept = torch.zeros_like(ranked, dtype=torch.bool)
    kept[places] = True
    return kept.view(p.shape)


def exactly__void_is_ranked(p, known, count):
    """Void is put in order with the others, so that fewer are kept than was asked for."""
    places = p.flatten().topk(min(count, p.numel()), largest=False).indices
    kept = torch.zeros(p.numel(), dtype=torch.bool, device=p.device)
    kept[places] = True
    return kept.view(p.shape) & known


def exactly__written_to_a_copy(p, known, count):
    """Writes to `kept[known]`, which is a copy: nothing is kept."""
    kept = torch.zeros_like(known)
    ranked = p[known]
    kept[known][ranked.topk(min(count, len(ranked)), largest=False).indices] = True
    return kept


def exactly__filled_up_with_void(p, known, count):
    """Fills the count up with void where there are too few known pixels."""
    ranked = p.where(known, torch.inf).flatten()
    kept = torch.zeros_like(ranked, dtype=torch.bool)
    kept[ranked.topk(min(count, len(ranked)), largest=False).indices] = True
    return kept.view(p.shape)


def loss_over__divided_by_all(logits, labels, choose):
    """Divides by all known pixels and not by those kept, so that the loss speaks more softly as pixels are learned."""
    log_p = log_right(logits, labels)
    kept = choose(log_p.detach().exp(), labels != 255)
    return -(log_p * kept).sum() / (labels != 255).sum().clamp(min=1)


def loss_over__nothing_kept_is_nan(logits, labels, choose):
    """Takes the mean of the kept pixels even where there are none: 0 by 0."""
    log_p = log_right(logits, labels)
    return -log_p[choose(log_p.detach().exp(), labels != 255)].mean()


def loss_over__logarithm_is_ranked(logits, labels, choose):
    """Hands the logarithm to the choice and not p: it is below every threshold, and all pixels are kept."""
    log_p = log_right(logits, labels)
    kept = choose(log_p.detach(), labels != 255)
    return -(log_p * kept).sum() / kept.sum().clamp(min=1)


def share_in__of_the_group(kept, group):
    """Divides by the group: which share of the group is kept, and not which share of the kept is in it."""
    return (kept & group).sum() / group.sum().clamp(min=1)


def share_in__of_all(kept, group):
    """Divides by all pixels, kept or not."""
    return (kept & group).float().mean()


def of_each__of_the_mini_batch(p, known, share):
    """Takes the share of all pictures together: a picture that is known has none."""
    return exactly(p, known, math.ceil(share * int(known.sum())))


def of_each__void_counts_in_the_share(p, known, share):
    """Takes the share of all pixels of a picture, void among them."""
    counts = [math.ceil(share * each.numel()) for each in known]
    return torch.stack([exactly(*each) for each in zip(p, known, counts)])


def focal_loss__easy_ones_count(logits, labels, gamma=2.0):
    """Weighs by p and not by 1 − p: the easier, the more a pixel counts."""
    log_p, known = log_right(logits, labels), labels != 255
    return -(log_p.exp() ** gamma * log_p * known).sum() / known.sum().clamp(min=1)


def focal_loss__divided_by_the_weights(logits, labels, gamma=2.0):
    """Divides by the sum of the weights and not by the number of pixels."""
    log_p, known = log_right(logits, labels), labels != 255
    weight = (1 - log_p.exp()) ** gamma * known
    return -(weight * log_p).sum() / weight.sum().clamp(min=1e-12)


def focal_loss__power_of_the_loss(logits, labels, gamma=2.0):
    """Raises the loss to a power instead of weighing it."""
    log_p, known = log_right(logits, labels), labels != 255
    return ((-log_p) ** (gamma + 1) * known).sum() / known.sum().clamp(min=1)
