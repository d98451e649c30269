"""Wrong answers to the checkpoints of "How far it sees"; each is a mistake that somebody makes."""


def classify_everywhere__keeps_the_mean(features, weights, bias):
    """The mean over all cells is still taken first, so that every cell gets the picture's answer."""
    mean = features.mean((1, 2), keepdim=True).expand_as(features)
    return torch.einsum("oc,chw->ohw", weights, mean) + bias[:, None, None]


def classify_everywhere__forgets_the_bias(features, weights, bias):
    """The bias is left out, which a convolution adds at every cell."""
    return torch.einsum("oc,chw->ohw", weights, features)


def convolve__turned_round(x, w, dilation=1, stride=1):
    """The weights are turned round, as mathematics has it; the field's convolution does not turn them."""
    middle, found = len(w) // 2, []
    for i in range(0, len(x), stride):
        places = [i - (j - middle) * dilation for j in range(len(w))]
        found.append(sum(w[j] * x[p] for j, p in enumerate(places) if 0 <= p < len(x)))
    return torch.stack(found)


def convolve__starts_at_the_first_tap(x, w, dilation=1, stride=1):
    """The first tap and not the middle one meets place i, so that everything is moved."""
    found = []
    for i in range(0, len(x), stride):
        places = [i + j * dilation for j in range(len(w))]
        found.append(sum(w[j] * x[p] for j, p in enumerate(places) if 0 <= p < len(x)))
    return torch.stack(found)


def convolve__dilation_counts_the_gaps(x, w, dilation=1, stride=1):
    """The dilation is taken for the number of places left out between two taps: they lie one too far apart."""
    middle, found = len(w) // 2, []
    for i in range(0, len(x), stride):
        places = [i + (j - middle) * (dilation + 1) for j in range(len(w))]
        found.append(sum(w[j] * x[p] for j, p in enumerate(places) if 0 <= p < len(x)))
    return torch.stack(found)


def convolve__round_the_corner(x, w, dilation=1, stride=1):
    """A place before the first is taken for one at the end, as Python's negative numbers are."""
    middle, found = len(w) // 2, []
    for i in range(0, len(x), stride):
        places = [i + (j - middle) * dilation for j in range(len(w))]
        found.append(sum(w[j] * x[p] for j, p in enumerate(places) if p < len(x)))
    return torch.stack(found)


def finer__one_layer_too_early(layers, output_stride):
    """The layer that loses its stride is dilated too, although it reads what it always read."""
    stride, dilation, changed = 1, 1, []
    for kernel, step, holes in layers:
        kept = step if stride * step <= output_stride else 1
        dilation = dilation * step // kept
        changed.append((kernel, kept, holes * dilation))
        stride *= kept
    return changed


def finer__two_and_no_more(layers, output_stride):
    """Each removed stride sets the dilation to 2; two of them make 4."""
    stride, dilation, changed = 1, 1, []
    for kernel, step, holes in layers:
        kept = step if stride * step <= output_stride else 1
        changed.append((kernel, kept, holes * dilation))
        stride, dilation = stride * kept, step // kept if step > kept else dilation
    return changed


def finer__without_dilation(layers, output_stride):
    """The strides go, and nothing is dilated: another network, which was never trained."""
    stride, changed = 1, []
    for kernel, step, holes in layers:
        kept = step if stride * step <= output_stride else 1
        changed.append((kernel, kept, holes))
        stride *= kept
    return changed


def nominal__kernel_times_dilation(kernel, dilation, stride):
    """k taps have k − 1 gaps between them, not k."""
    return kernel * dilation * stride


def nominal__in_cells(kernel, dilation, stride):
    """The field in cells of the map: the stride is forgotten."""
    return (kernel - 1) * dilation + 1


def reach__its_own_stride_too(layers):
    """A layer's own stride is counted before its taps are, as if it moved them apart."""
    pixels, step = 1, 1
    for kernel, stride, dilation in layers:
        step *= stride
        pixels += (kernel - 1) * dilation * step
    return pixels


def reach__all_kernels_added(layers):
    """Whole kernels are added up, although each shares a place with what came before: k, not k − 1."""
    pixels, step = 1, 1
    for kernel, stride, dilation in layers:
        pixels += kernel * dilation * step
        step *= stride
    return pixels


def reach__strides_forgotten(layers):
    """Every step is a pixel long, however many strides lie before."""
    return 1 + sum((kernel - 1) * dilation for kernel, _, dilation in layers)


def seen_by__categories_cancel(network, pictures, cell):
    """All categories are added up before the gradient is taken: what raises one and lowers another is lost."""
    pictures = pictures.clone().requires_grad_()
    value = network(pictures)[..., cell[0], cell[1]].sum()
    (gradient,) = torch.autograd.grad(value, pictures)
    return gradient.abs().sum(1).mean(0)


def seen_by__with_signs(network, pictures, cell):
    """The signs are kept, so that colours and pictures that pull in two directions cancel."""
    pictures = pictures.clone().requires_grad_()
    seen = 0
    for value in network(pictures)[..., cell[0], cell[1]].sum(0):
        (gradient,) = torch.autograd.grad(value, pictures, retain_graph=True)
        seen = seen + gradient.sum(1).mean(0)
    return seen


def seen_by__of_the_whole_answer(network, pictures, cell):
    """The gradient of all cells and not of the one that was asked for."""
    pictures = pictures.clone().requires_grad_()
    seen = 0
    for value in network(pictures).sum((0, 2, 3)):
        (gradient,) = torch.autograd.grad(value, pictures, retain_graph=True)
        seen = seen + gradient.abs().sum(1).mean(0)
    return seen


def square_holding__half_of_the_side(seen, centre, share=0.9):
    """The way from the middle to the side, which is half of the square."""
    for radius in range(max(seen.shape)):
        top, left = (max(place - radius, 0) for place in centre)
        square = seen[top : centre[0] + radius + 1, left : centre[1] + radius + 1]
        if square.sum() >= share * seen.sum():
            return radius


def square_holding__last_row_forgotten(seen, centre, share=0.9):
    """The slice ends before the last row and the last column of the square."""
    for radius in range(max(seen.shape) + 1):
        top, left = (max(place - radius, 0) for place in centre)
        square = seen[top : centre[0] + radius, left : centre[1] + radius]
        if square.sum() >= share * seen.sum():
            return 2 * radius + 1


def square_holding__round_the_corner(seen, centre, share=0.9):
    """A square that reaches over the border begins at a negative place, which Python counts from the end."""
    for radius in range(max(seen.shape)):
        rows = slice(centre[0] - radius, centre[0] + radius + 1)
        columns = slice(centre[1] - radius, centre[1] + radius + 1)
        if seen[rows, columns].sum() >= share * seen.sum():
            return 2 * radius + 1
    return 2 * max(seen.shape) + 1


def wide_classifier__bias_at_every_tap(features, weights, bias, dilation):
    """The bias is added once a tap, where a convolution adds it once a cell."""
    (h, w), k = features.shape[1:], weights.shape[-1]
    padded = F.pad(features, [dilation * (k // 2)] * 4)
    answer = 0
    for i, j in product(range(k), range(k)):
        moved = padded[:, i * dilation : i * dilation + h, j * dilation : j * dilation + w]
        answer = answer + classify_everywhere(moved, weights[:, :, i, j], bias)
    return answer


def wide_classifier__without_holes(features, weights, bias, dilation):
    """The taps lie side by side, whatever the dilation is."""
    (h, w), k = features.shape[1:], weights.shape[-1]
    padded = F.pad(features, [k // 2] * 4)
    answer = bias[:, None, None].expand(-1, h, w)
    for i, j in product(range(k), range(k)):
        moved = padded[:, i : i + h, j : j + w]
        answer = answer + classify_everywhere(moved, weights[:, :, i, j], 0 * bias)
    return answer


def wide_classifier__rows_for_columns(features, weights, bias, dilation):
    """Down and across are exchanged: the kernel lies on its side."""
    (h, w), k = features.shape[1:], weights.shape[-1]
    padded = F.pad(features, [dilation * (k // 2)] * 4)
    answer = bias[:, None, None].expand(-1, h, w)
    for i, j in product(range(k), range(k)):
        moved = padded[:, i * dilation : i * dilation + h, j * dilation : j * dilation + w]
        answer = answer + classify_everywhere(moved, weights[:, :, j, i], 0 * bias)
    return answer


def interleaved__cropped(network, pictures, n, stride):
    """The picture is cut at the top and the left instead of being moved: what was cut off one pass alone sees."""
    fine = stride // n
    rows, columns = (-(-side // fine) for side in pictures.shape[-2:])
    answer = None
    for a, b in product(range(min(n, rows)), range(min(n, columns))):
        one = network(pictures[..., a * fine :, b * fine :])
        if answer is None:
            answer = one.new_empty(*one.shape[:2], rows, columns)
        answer[..., a::n, b::n] = one
    return answer


def interleaved__asked_once(network, pictures, n, stride):
    """The network is asked once, and each answer repeated: as many numbers, and nothing new."""
    rows, columns = (-(-side // (stride // n)) for side in pictures.shape[-2:])
    many = network(pictures).repeat_interleave(n, -2).repeat_interleave(n, -1)
    return many[..., :rows, :columns]


def interleaved__last_answer_dropped(network, pictures, n, stride):
    """Of a moved picture the last answer is left out and not the first, which looks at the padding alone."""
    fine = stride // n
    rows, columns = (-(-side // fine) for side in pictures.shape[-2:])
    answer = None
    for a, b in product(range(min(n, rows)), range(min(n, columns))):
        down, right = (stride - a * fine) % stride, (stride - b * fine) % stride
        one = network(F.pad(pictures, (right, 0, down, 0)))
        if answer is None:
            answer = one.new_empty(*one.shape[:2], rows, columns)
        answer[..., a::n, b::n] = one[..., : one.shape[-2] - min(a, 1), : one.shape[-1] - min(b, 1)]
    return answer
