"""Wrong answers to the checkpoints of "A box at every pixel"; each is a mistake that somebody makes."""


def instance_boxes__last_pixel_inclusive(instances):
    """The box ends with its last pixel and not behind it, so that a line one pixel wide has no width."""
    y, x = torch.meshgrid(*(torch.arange(n) for n in instances.shape), indexing="ij")
    corners = torch.stack([x, y, -x, -y]).flatten(1)
    number = instances.flatten().long().expand(4, -1)
    boxes = torch.full((4, int(instances.max()) + 1), 10**6)
    boxes.scatter_reduce_(1, number, corners, "amin")
    boxes[2:] *= -1
    empty = boxes[0] == 10**6
    empty[0] = True
    return boxes.masked_fill(empty, 0).T.float()


def instance_boxes__rows_for_columns(instances):
    """x and y have changed places: the first number is that of the row."""
    y, x = torch.meshgrid(*(torch.arange(n) for n in instances.shape), indexing="ij")
    corners = torch.stack([y, x, -y - 1, -x - 1]).flatten(1)
    number = instances.flatten().long().expand(4, -1)
    boxes = torch.full((4, int(instances.max()) + 1), 10**6)
    boxes.scatter_reduce_(1, number, corners, "amin")
    boxes[2:] *= -1
    empty = boxes[0] == 10**6
    empty[0] = True
    return boxes.masked_fill(empty, 0).T.float()


def instance_boxes__the_background_has_a_box(instances):
    """Row 0 holds the box of the background, as if it were an instance."""
    y, x = torch.meshgrid(*(torch.arange(n) for n in instances.shape), indexing="ij")
    corners = torch.stack([x, y, -x - 1, -y - 1]).flatten(1)
    number = instances.flatten().long().expand(4, -1)
    boxes = torch.full((4, int(instances.max()) + 1), 10**6)
    boxes.scatter_reduce_(1, number, corners, "amin")
    boxes[2:] *= -1
    return boxes.masked_fill(boxes[0] == 10**6, 0).T.float()


def instance_boxes__absent_numbers_are_left_out(instances):
    """A row for each instance that there is, so that row k is no longer instance k where a number is absent."""
    rows = [torch.zeros(4)]
    for number in instances.unique():
        if number > 0:
            y, x = (instances == number).nonzero().T
            box = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1])
            rows.append(box.float())
    return torch.stack(rows)


def box_map__boxes_of_the_cells(instances, stride=1):
    """The boxes are those of the cells and not of the pixels: too small, and in units of the stride."""
    cells = instances[:, ::stride, ::stride].long()
    boxes = [instance_boxes(one)[one] for one in cells]
    return torch.stack(boxes).permute(0, 3, 1, 2), cells > 0


def box_map__present_is_everywhere(instances, stride=1):
    """Says that there is an instance at every cell, the background's too."""
    cells = instances[:, ::stride, ::stride].long()
    boxes = [instance_boxes(one)[own] for one, own in zip(instances, cells)]
    return torch.stack(boxes).permute(0, 3, 1, 2), cells >= 0


def box_map__of_the_first_picture(instances, stride=1):
    """All pictures get the boxes of the first one, whose instances have the same numbers."""
    cells = instances[:, ::stride, ::stride].long()
    own = instance_boxes(instances[0])
    most = len(own) - 1
    boxes = [own[one.clamp(max=most)] for one in cells]
    return torch.stack(boxes).permute(0, 3, 1, 2), cells > 0


def centres__corner_of_the_pixel(shape, stride):
    """The corner of the pixel and not its centre: half a pixel too far to the left and too high."""
    y, x = (torch.arange(n) * stride for n in shape[-2:])
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))]).float()


def centres__middle_of_the_block(shape, stride):
    """The middle of a block of stride times stride pixels; a cell stands for the first pixel of it."""
    y, x = ((torch.arange(n) + 0.5) * stride for n in shape[-2:])
    return torch.stack([x.expand(len(y), -1), y[:, None].expand(-1, len(x))])


def centres__x_along_the_rows(shape, stride):
    """x grows from row to row, and y from column to column."""
    y, x = (torch.arange(n) * stride + 0.5 for n in shape[-2:])
    return torch.stack([y[:, None].expand(-1, len(x)), x.expand(len(y), -1)])


def encode__from_the_corner_of_the_pixel(boxes, stride, scale):
    """The offset begins at the pixel's corner and not at its centre: half a pixel too long."""
    x, y = centres(boxes.shape, stride)
    x0, y0, x1, y1 = boxes.unbind(1)
    offsets = [((x0 + x1) / 2 - x + 0.5) / scale, ((y0 + y1) / 2 - y + 0.5) / scale]
    sizes = [(size.clamp(min=1) / scale).log() for size in (y1 - y0, x1 - x0)]
    return torch.stack([*offsets, *sizes], 1)


def encode__from_the_centre_to_the_pixel(boxes, stride, scale):
    """The offset leads from the centre to the pixel, with the wrong sign."""
    x, y = centres(boxes.shape, stride)
    x0, y0, x1, y1 = boxes.unbind(1)
    offsets = [(x - (x0 + x1) / 2) / scale, (y - (y0 + y1) / 2) / scale]
    sizes = [(size.clamp(min=1) / scale).log() for size in (y1 - y0, x1 - x0)]
    return torch.stack([*offsets, *sizes], 1)


def encode__width_before_height(boxes, stride, scale):
    """Width and height have changed places; the paper has the height first."""
    x, y = centres(boxes.shape, stride)
    x0, y0, x1, y1 = boxes.unbind(1)
    offsets = [((x0 + x1) / 2 - x) / scale, ((y0 + y1) / 2 - y) / scale]
    sizes = [(size.clamp(min=1) / scale).log() for size in (x1 - x0, y1 - y0)]
    return torch.stack([*offsets, *sizes], 1)


def encode__logarithm_of_nothing(boxes, stride, scale):
    """A box without extent is not taken as one pixel wide, and its logarithm is minus infinity."""
    x, y = centres(boxes.shape, stride)
    x0, y0, x1, y1 = boxes.unbind(1)
    offsets = [((x0 + x1) / 2 - x) / scale, ((y0 + y1) / 2 - y) / scale]
    sizes = [(size / scale).log() for size in (y1 - y0, x1 - x0)]
    return torch.stack([*offsets, *sizes], 1)


def decode__without_the_exponential(encoded, stride, scale):
    """The sizes are taken as they are, though they are logarithms."""
    x, y = centres(encoded.shape, stride)
    dx, dy, height, width = encoded.unbind(1)
    x, y, height, width = x + dx * scale, y + dy * scale, height * scale / 2, width * scale / 2
    return torch.stack([x - width, y - height, x + width, y + height], 1)


def decode__whole_sizes_to_each_side(encoded, stride, scale):
    """The whole width goes to the left and to the right of the centre, so that boxes are twice as large."""
    x, y = centres(encoded.shape, stride)
    dx, dy, height, width = encoded.unbind(1)
    x, y = x + dx * scale, y + dy * scale
    height, width = (size.clamp(max=6).exp() * scale for size in (height, width))
    return torch.stack([x - width, y - height, x + width, y + height], 1)


def decode__without_a_limit(encoded, stride, scale):
    """A size has no limit, and an untrained network's box is infinite."""
    x, y = centres(encoded.shape, stride)
    dx, dy, height, width = encoded.unbind(1)
    x, y = x + dx * scale, y + dy * scale
    height, width = (size.exp() * scale / 2 for size in (height, width))
    return torch.stack([x - width, y - height, x + width, y + height], 1)


def iou__without_the_clamp(first, second, dim=1):
    """Two boxes that lie apart in both directions have a negative width times a negative height: an overlap."""
    ax0, ay0, ax1, ay1 = first.unbind(dim)
    bx0, by0, bx1, by1 = second.unbind(dim)
    width = torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)
    height = torch.minimum(ay1, by1) - torch.maximum(ay0, by0)
    both = width * height
    either = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both
    return both / either.clamp(min=1e-30)


def iou__over_the_sum_of_both_areas(first, second, dim=1):
    """Divides by the sum of the areas, in which what both cover is counted twice."""
    ax0, ay0, ax1, ay1 = first.unbind(dim)
    bx0, by0, bx1, by1 = second.unbind(dim)
    width = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp(min=0)
    height = (torch.minimum(ay1, by1) - torch.maximum(ay0, by0)).clamp(min=0)
    areas = (ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0)
    return width * height / areas.clamp(min=1e-30)


def iou__nothing_by_nothing(first, second, dim=1):
    """Two boxes without area give 0 by 0, which is not a number."""
    ax0, ay0, ax1, ay1 = first.unbind(dim)
    bx0, by0, bx1, by1 = second.unbind(dim)
    width = (torch.minimum(ax1, bx1) - torch.maximum(ax0, bx0)).clamp(min=0)
    height = (torch.minimum(ay1, by1) - torch.maximum(ay0, by0)).clamp(min=0)
    both = width * height
    return both / ((ax1 - ax0) * (ay1 - ay0) + (bx1 - bx0) * (by1 - by0) - both)


def encode_sides__right_side_with_the_wrong_sign(boxes, stride, scale):
    """All four are the pixel minus the side, so that those to the right and below are negative."""
    x, y = centres(boxes.shape, stride)
    x0, y0, x1, y1 = boxes.unbind(1)
    return (torch.stack([x - x0, y - y0, x - x1, y - y1], 1).clamp(min=0.5) / scale).log()


def encode_sides__without_the_logarithm(boxes, stride, scale):
    """The distances themselves, without their logarithm."""
    x, y = centres(boxes.shape, stride)
    x0, y0, x1, y1 = boxes.unbind(1)
    return torch.stack([x - x0, y - y0, x1 - x, y1 - y], 1).clamp(min=0.5) / scale


def decode_sides__all_to_one_side(encoded, stride, scale):
    """Adds all four distances to the pixel, the left and the upper one too."""
    x, y = centres(encoded.shape, stride)
    left, up, right, down = (encoded.clamp(max=6).exp() * scale).unbind(1)
    return torch.stack([x + left, y + up, x + right, y + down], 1)


def decode_sides__order_of_the_sides(encoded, stride, scale):
    """Takes the numbers as left, right, up, down; they are left, up, right, down."""
    x, y = centres(encoded.shape, stride)
    left, right, up, down = (encoded.clamp(max=6).exp() * scale).unbind(1)
    return torch.stack([x - left, y - up, x + right, y + down], 1)


def smooth_l1__steps_at_beta(encoded, target, beta):
    """The parabola is not divided by beta, so that it does not meet the line."""
    error = (encoded - target).abs()
    return torch.where(error < beta, error**2 / 2, error - beta / 2).sum(1)


def smooth_l1__mean_of_the_four(encoded, target, beta):
    """The mean of the four numbers and not their sum."""
    error = (encoded - target).abs()
    return torch.where(error < beta, error**2 / (2 * beta), error - beta / 2).mean(1)


def smooth_l1__parabola_for_negative_errors(encoded, target, beta):
    """The absolute value is forgotten: each negative error is below beta, and lies on the parabola."""
    error = encoded - target
    return torch.where(error < beta, error**2 / (2 * beta), error - beta / 2).sum(1)


def giou_loss__plain_iou(first, second):
    """The loss of the IoU alone: 1 for all boxes that do not touch, however far apart."""
    return 1 - iou(first, second)


def giou_loss__empty_share_with_the_wrong_sign(first, second):
    """The empty share of the box round both makes the loss smaller, so that boxes are driven apart."""
    low = torch.minimum(first[:, :2], second[:, :2])
    high = torch.maximum(first[:, 2:], second[:, 2:])
    around = (high - low).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (first, second)]
    overlap = iou(first, second)
    either = sum(areas) / (1 + overlap)
    return 1 - overlap - (around - either) / around.clamp(min=1e-7)


def giou_loss__over_the_union(first, second):
    """The empty part is divided by the union and not by the box round both: it has no upper limit."""
    low = torch.minimum(first[:, :2], second[:, :2])
    high = torch.maximum(first[:, 2:], second[:, 2:])
    around = (high - low).prod(1)
    areas = [(box[:, 2:] - box[:, :2]).prod(1) for box in (first, second)]
    overlap = iou(first, second)
    either = sum(areas) / (1 + overlap)
    return 1 - overlap + (around - either) / either.clamp(min=1e-7)


def size_weights__large_ones_louder(boxes, scale, power):
    """The area over the scale: large objects weigh more, not less."""
    x0, y0, x1, y1 = boxes.unbind(1)
    area = (x1 - x0).clamp(min=1) * (y1 - y0).clamp(min=1)
    return (area / (scale * scale)) ** power


def size_weights__no_pixel_at_least(boxes, scale, power):
    """Where there is no box the area is 0 and the weight infinite; times a loss of 0 that is not a number."""
    x0, y0, x1, y1 = boxes.unbind(1)
    return (scale * scale / ((x1 - x0) * (y1 - y0))) ** power


def size_weights__scale_not_squared(boxes, scale, power):
    """The scale is a length and the area is one squared."""
    x0, y0, x1, y1 = boxes.unbind(1)
    area = (x1 - x0).clamp(min=1) * (y1 - y0).clamp(min=1)
    return (scale / area) ** power


def box_loss__mean_over_all_cells(encoded, boxes, present, keep, stride=4, scale=24.0, power=0.5, beta=0.1):
    """The sum over the kept cells is divided by the number of all cells."""
    overlap = iou(decode(encoded.detach(), stride, scale), boxes)
    kept = keep(overlap, present)
    losses = smooth_l1(encoded, encode(boxes, stride, scale), beta)
    return (losses * size_weights(boxes, scale, power) * kept).sum() / kept.numel()


def box_loss__background_counts(encoded, boxes, present, keep, stride=4, scale=24.0, power=0.5, beta=0.1):
    """Nothing is left out: at the background the network learns a box of one pixel."""
    losses = smooth_l1(encoded, encode(boxes, stride, scale), beta)
    return (losses * size_weights(boxes, scale, power)).mean()


def box_loss__without_the_weight(encoded, boxes, present, keep, stride=4, scale=24.0, power=0.5, beta=0.1):
    """The weight by size is left out."""
    overlap = iou(decode(encoded.detach(), stride, scale), boxes)
    kept = keep(overlap, present)
    losses = smooth_l1(encoded, encode(boxes, stride, scale), beta)
    return (losses * kept).sum() / kept.sum().clamp(min=1)


def box_loss__nothing_kept_is_nan(encoded, boxes, present, keep, stride=4, scale=24.0, power=0.5, beta=0.1):
    """Divides by the number of kept cells even where there is none."""
    overlap = iou(decode(encoded.detach(), stride, scale), boxes)
    kept = keep(overlap, present)
    losses = smooth_l1(encoded, encode(boxes, stride, scale), beta)
    return (losses * size_weights(boxes, scale, power) * kept).sum() / kept.sum()
