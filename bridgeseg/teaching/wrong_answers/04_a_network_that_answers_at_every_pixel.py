"""Wrong answers to the checkpoints of "A network that answers at every pixel"; each is one that somebody gives."""


def as_input__reshaped(pictures):
    """Shapes anew instead of changing axes: the size is right, and the pixels of a row are torn apart."""
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    values = (pictures.float() / 255 - mean) / deviation
    n, h, w, _ = pictures.shape
    return values.reshape(n, 3, h, w)


def as_input__bytes_are_not_divided(pictures):
    """Values from 0 to 255 are normalised as if they went from 0 to 1."""
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    return ((pictures.float() - mean) / deviation).permute(0, 3, 1, 2)


def as_input__colours_the_other_way_round(pictures):
    """Blue first, as some programs read pictures, with the means of red first."""
    mean, deviation = torch.tensor(MEAN), torch.tensor(DEVIATION)
    values = (pictures.flip(3).float() / 255 - mean) / deviation
    return values.permute(0, 3, 1, 2)


def layer__no_border(inputs, outputs, stride=1):
    """Without zeros around it, a picture loses a pixel on each side in every layer."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def layer__relu_before_the_normalisation(inputs, outputs, stride=1):
    """The ReLU comes first, so what the next layer gets is as often below 0 as above."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.ReLU(), nn.BatchNorm2d(outputs))


def layer__with_a_bias(inputs, outputs, stride=1):
    """The convolution has a bias, which the normalisation takes off again: parameters that do nothing."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def layer__stride_forgotten(inputs, outputs, stride=1):
    """The stride is not handed on, so that no map ever becomes smaller."""
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def small_network__relu_behind_the_classifier(width, categories):
    """A ReLU behind the last layer: no score is below 0, and where it is 0 nothing can be learned."""
    first = [layer(3, width // 2, stride=2), layer(width // 2, width, stride=2)]
    more = [layer(width, width) for _ in range(5)]
    return nn.Sequential(*first, *more, nn.Conv2d(width, categories, 1), nn.ReLU())


def small_network__stride_eight(width, categories):
    """A third layer has stride 2: a cell stands for eight pixels, and small shapes are lost."""
    first = [layer(3, width // 2, stride=2), layer(width // 2, width, stride=2)]
    more = [layer(width, width, stride=2 if k == 0 else 1) for k in range(5)]
    return nn.Sequential(*first, *more, nn.Conv2d(width, categories, 1))


def small_network__background_forgotten(width, categories):
    """One score too few: the background is a category, too."""
    first = [layer(3, width // 2, stride=2), layer(width // 2, width, stride=2)]
    more = [layer(width, width) for _ in range(5)]
    return nn.Sequential(*first, *more, nn.Conv2d(width, categories - 1, 1))


def pixel_loss__void_is_background(logits, labels, stride=4):
    """Void becomes category 0: the network is told that there is background."""
    cells = labels[:, ::stride, ::stride].long()
    cells = cells.where(cells != 255, 0)
    return nn.functional.cross_entropy(logits, cells)


def pixel_loss__divided_by_all(logits, labels, stride=4):
    """The sum over the known cells is divided by all: the more void, the smaller the step."""
    cells = labels[:, ::stride, ::stride].long()
    known = cells != 255
    log_p = logits.log_softmax(1)
    right = log_p.gather(1, cells.where(known, 0)[:, None])[:, 0]
    return -(right * known).sum() / known.numel()


def pixel_loss__not_a_number_without_labels(logits, labels, stride=4):
    """Nought is divided by nought where all is void; one such batch, and every weight is lost."""
    cells = labels[:, ::stride, ::stride].long()
    return nn.functional.cross_entropy(logits, cells, ignore_index=255)


def pixel_loss__softmax_over_columns(logits, labels, stride=4):
    """The probabilities of a row of cells add up to 1, not those of a cell's categories."""
    cells = labels[:, ::stride, ::stride].long()
    known = cells != 255
    log_p = logits.log_softmax(-1)
    right = log_p.gather(1, cells.where(known, 0)[:, None])[:, 0]
    return -(right * known).sum() / known.sum().clamp(min=1)


def pixel_loss__labels_from_the_middle(logits, labels, stride=4):
    """Takes the label of the pixel in the middle of each square, half a stride beside the cell's centre."""
    cells = labels[:, stride // 2 :: stride, stride // 2 :: stride].long()
    known = cells != 255
    right = logits.log_softmax(1).gather(1, cells.where(known, 0)[:, None])[:, 0]
    return -(right * known).sum() / known.sum().clamp(min=1)


def slide__kernel_turned_round(x, kernel):
    """The kernel is turned round first, as mathematicians do; networks do not."""
    zero = torch.zeros(1)
    padded = torch.cat([zero, x, zero])
    return sum(kernel[2 - k] * padded[k : k + len(x)] for k in range(3))


def slide__round_the_corner(x, kernel):
    """Beyond the end it begins again: the first number is the last one's neighbour."""
    return kernel[0] * x.roll(1) + kernel[1] * x + kernel[2] * x.roll(-1)


def slide__only_where_it_fits(x, kernel):
    """No zeros beyond the ends, so that two numbers are lost."""
    return sum(kernel[k] * x[k : len(x) - 2 + k] for k in range(3))


def residual__added_after_the_relu(x, u, v):
    """The sum comes after the last ReLU, so that a block can only ever add."""
    b = slide(x, u).relu()
    return slide(b, v).relu() + x


def residual__nothing_is_added(x, u, v):
    """The input is forgotten: this is a plain block."""
    return slide(slide(x, u).relu(), v).relu()


def residual__no_relu_between(x, u, v):
    """Without the first ReLU the two kernels are one."""
    return (slide(slide(x, u), v) + x).relu()


def residual_gradients__shortcut_forgotten(x, u, v, g):
    """The copy that comes by the shortcut is left out: the gradient of a plain block."""
    a = slide(x, u)
    g_d = g * (slide(a.relu(), v) + x > 0)
    g_a = slide(g_d, v.flip(0)) * (a > 0)

    def of_kernel(into, g):
        padded = torch.nn.functional.pad(into, (1, 1))
        return torch.stack([(g * padded[k : k + len(g)]).sum() for k in range(3)])

    return slide(g_a, u.flip(0)), of_kernel(x, g_a), of_kernel(a.relu(), g_d)


def residual_gradients__kernel_not_turned_round(x, u, v, g):
    """The kernels are laid over the gradient as they are on the way there."""
    a = slide(x, u)
    g_d = g * (slide(a.relu(), v) + x > 0)
    g_a = slide(g_d, v) * (a > 0)

    def of_kernel(into, g):
        padded = torch.nn.functional.pad(into, (1, 1))
        return torch.stack([(g * padded[k : k + len(g)]).sum() for k in range(3)])

    return slide(g_a, u) + g_d, of_kernel(x, g_a), of_kernel(a.relu(), g_d)


def residual_gradients__last_relu_forgotten(x, u, v, g):
    """The gradient passes the last ReLU even where it was closed."""
    a = slide(x, u)
    g_a = slide(g, v.flip(0)) * (a > 0)

    def of_kernel(into, g):
        padded = torch.nn.functional.pad(into, (1, 1))
        return torch.stack([(g * padded[k : k + len(g)]).sum() for k in range(3)])

    return slide(g_a, u.flip(0)) + g, of_kernel(x, g_a), of_kernel(a.relu(), g)


def residual_gradients__shortcut_past_the_relu(x, u, v, g):
    """The shortcut takes the gradient from behind the last ReLU, which stands after the sum."""
    a = slide(x, u)
    g_d = g * (slide(a.relu(), v) + x > 0)
    g_a = slide(g_d, v.flip(0)) * (a > 0)

    def of_kernel(into, g):
        padded = torch.nn.functional.pad(into, (1, 1))
        return torch.stack([(g * padded[k : k + len(g)]).sum() for k in range(3)])

    return slide(g_a, u.flip(0)) + g, of_kernel(x, g_a), of_kernel(a.relu(), g_d)


def projection__with_a_relu(inputs, outputs, stride):
    """A ReLU on the shortcut: what is below 0 is lost on the way that should lose nothing."""
    convolution = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU())


def projection__of_three(inputs, outputs, stride):
    """A 3x3 convolution on the shortcut, nine times the weights."""
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs))


def projection__not_normalised(inputs, outputs, stride):
    """The projection is not normalised, so the two sides of the sum have different scales."""
    return nn.Conv2d(inputs, outputs, 1, stride, bias=False)


def basic_block__added_after_the_relu(inputs, width, stride=1, shortcut=True):
    """The last ReLU stands before the sum and not behind it."""
    second = nn.Conv2d(width, width, 3, padding=1, bias=False)
    branch = nn.Sequential(layer(inputs, width, stride), second, nn.BatchNorm2d(width), nn.ReLU())
    return Beside([branch, projection(inputs, width, stride)]) if shortcut else branch


def basic_block__two_whole_layers(inputs, width, stride=1, shortcut=True):
    """The branch is two whole layers: a ReLU before the sum, and another one behind it."""
    branch = nn.Sequential(layer(inputs, width, stride), layer(width, width))
    ways = [branch, projection(inputs, width, stride)] if shortcut else [branch]
    return nn.Sequential(Beside(ways), nn.ReLU())


def basic_block__always_plain(inputs, width, stride=1, shortcut=True):
    """Nothing is added, whatever `shortcut` says."""
    return nn.Sequential(layer(inputs, width, stride), layer(width, width))


def basic_block__stride_in_the_second(inputs, width, stride=1, shortcut=True):
    """The second convolution has the stride: the same size in the end, at several times the work."""
    second = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
    branch = nn.Sequential(layer(inputs, width), second, nn.BatchNorm2d(width))
    ways = [branch, projection(inputs, width, stride)] if shortcut else [branch]
    return nn.Sequential(Beside(ways), nn.ReLU())


def bottleneck__stride_in_the_first(inputs, width, stride=1):
    """The first 1x1 has the stride, as He et al. wrote it; torchvision's weights were learned with it in the 3x3."""
    down = [nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    up = [nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)]
    branch = nn.Sequential(*down, layer(width, width), *up)
    return nn.Sequential(Beside([branch, projection(inputs, 4 * width, stride)]), nn.ReLU())


def bottleneck__not_widened(inputs, width, stride=1):
    """The last 1x1 gives `width` channels and not four times as many."""
    down = [nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    up = [nn.Conv2d(width, width, 1, bias=False), nn.BatchNorm2d(width)]
    branch = nn.Sequential(*down, layer(width, width, stride), *up)
    return nn.Sequential(Beside([branch, projection(inputs, width, stride)]), nn.ReLU())


def bottleneck__no_relu_after_the_first(inputs, width, stride=1):
    """Without a ReLU behind it the first 1x1 and the 3x3 are one convolution."""
    down = [nn.Conv2d(inputs, width, 1, bias=False), nn.BatchNorm2d(width)]
    up = [nn.Conv2d(width, 4 * width, 1, bias=False), nn.BatchNorm2d(4 * width)]
    branch = nn.Sequential(*down, layer(width, width, stride), *up)
    return nn.Sequential(Beside([branch, projection(inputs, 4 * width, stride)]), nn.ReLU())


def deep_network__a_block_too_many(layers, width, categories, shortcuts=True):
    """The classifier and the first three layers are not counted."""
    half = width // 2
    first = [layer(3, half, 2), layer(half, width, 2), layer(width, width)]
    blocks = [basic_block(width, width, 1, shortcuts) for _ in range(layers // 2)]
    return nn.Sequential(*first, *blocks, nn.Conv2d(width, categories, 1))


def deep_network__one_block_many_times(layers, width, categories, shortcuts=True):
    """The same block stands at every place, so that all share their weights."""
    half = width // 2
    first = [layer(3, half, 2), layer(half, width, 2), layer(width, width)]
    blocks = [basic_block(width, width, 1, shortcuts)] * ((layers - 4) // 2)
    return nn.Sequential(*first, *blocks, nn.Conv2d(width, categories, 1))


def deep_network__shortcuts_not_handed_on(layers, width, categories, shortcuts=True):
    """The blocks are not told whether they are to have a shortcut: all have one."""
    half = width // 2
    first = [layer(3, half, 2), layer(half, width, 2), layer(width, width)]
    blocks = [basic_block(width, width) for _ in range((layers - 4) // 2)]
    return nn.Sequential(*first, *blocks, nn.Conv2d(width, categories, 1))


def gradient_sizes__of_the_weights(network, pictures, labels):
    """The size of the weights, and not that of their gradient."""
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    return torch.stack([p.weight.detach().norm() for p in convolutions if p.kernel_size == (3, 3)])


def gradient_sizes__sums_of_what_cancels(network, pictures, labels):
    """A plain sum: what is above 0 and what is below cancel."""
    convolutions = [part for part in network.modules() if isinstance(part, nn.Conv2d)]
    weights = [part.weight for part in convolutions if part.kernel_size == (3, 3)]
    loss = pixel_loss(network(as_input(pictures)), labels)
    return torch.stack([g.sum().abs() for g in torch.autograd.grad(loss, weights)])


def gradient_sizes__the_classifier_too(network, pictures, labels):
    """The classifier's 1x1 is among them, whose gradient has another size for another reason."""
    weights = [part.weight for part in network.modules() if isinstance(part, nn.Conv2d)]
    loss = pixel_loss(network(as_input(pictures)), labels)
    return torch.stack([g.norm() for g in torch.autograd.grad(loss, weights)])
