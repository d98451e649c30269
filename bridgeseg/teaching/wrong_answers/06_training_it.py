"""Wrong answers to the checkpoints of "Training it"; each is a mistake that somebody makes."""


def clip__each_by_itself(gradients, most):
    """Each tensor is shortened to the limit by itself, so that the direction of the whole changes."""
    norms = torch.stack([g.norm() for g in gradients])
    return [g * (most / n).clamp(max=1) for g, n in zip(gradients, norms)], norms.norm()


def clip__number_by_number(gradients, most):
    """Every number is cut off at the limit, which clips by value and not by norm."""
    norm = torch.stack([g.norm() for g in gradients]).norm()
    return [g.clamp(-most, most) for g in gradients], norm


def clip__lengthens_short_ones(gradients, most):
    """Gradients that are short enough are brought to the limit too, so that every step is equally long."""
    norm = torch.stack([g.norm() for g in gradients]).norm()
    return [g * (most / norm) for g in gradients], norm


def sgd__decay_beside_the_velocity(w, gradient, velocity, rate, momentum, decay):
    """The decay is taken off the weight directly and not remembered in the velocity, as AdamW does it."""
    velocity = momentum * velocity + gradient
    return w - rate * velocity - rate * decay * w, velocity


def sgd__rate_within_the_velocity(w, gradient, velocity, rate, momentum, decay):
    """The velocity holds the rate, so that a schedule acts late, on what comes after."""
    velocity = momentum * velocity + rate * (gradient + decay * w)
    return w - velocity, velocity


def sgd__damped(w, gradient, velocity, rate, momentum, decay):
    """The gradient counts one minus the momentum, a mean and not a sum: steps are far too short."""
    velocity = momentum * velocity + (1 - momentum) * (gradient + decay * w)
    return w - rate * velocity, velocity


def pictures_of__the_same_order_each_epoch(seed, step, batch, count):
    """The epoch is not in the seed, so that all epochs have one order and the same pictures always meet."""
    places = np.arange(step * batch, (step + 1) * batch)
    generator = np.random.default_rng([seed, 1, 0])
    return generator.permuted(np.arange(count)[None], axis=1)[0][places % count]


def pictures_of__drops_the_rest(seed, step, batch, count):
    """Each epoch ends with its last full mini-batch, and what is left over is never learned in it."""
    epoch, place = divmod(step, count // batch)
    generator = np.random.default_rng([seed, 1, epoch])
    order = generator.permuted(np.arange(count)[None], axis=1)[0]
    return order[place * batch : (place + 1) * batch]


def pictures_of__with_replacement(seed, step, batch, count):
    """Pictures are drawn afresh for each step, so that after an epoch's steps a third of them has never come."""
    return np.random.default_rng([seed, 1, step]).integers(count, size=batch)


def pictures_of__moves_by_one(seed, step, batch, count):
    """The step counts single pictures, so that neighbouring mini-batches share all pictures but one."""
    places = np.arange(step, step + batch)
    orders = {}
    for epoch in {*(places // count).tolist()}:
        generator = np.random.default_rng([seed, 1, epoch])
        orders[epoch] = generator.permuted(np.arange(count)[None], axis=1)[0]
    return np.array([orders[place // count][place % count] for place in places.tolist()])


def recoloured__contrast_by_pixel(pixels, b, s, c):
    """Contrast moves a colour away from the grey of its own pixel and not from that of the window: saturation twice."""
    pixels = b * pixels
    own = (pixels @ GREY)[:, None]
    pixels = own + s * (pixels - own)
    own = (pixels @ GREY)[:, None]
    return own + c * (pixels - own)


def recoloured__mean_by_colour(pixels, b, s, c):
    """Contrast moves red away from the mean of red, green from that of green: the window keeps its tint."""
    pixels = b * pixels
    mean = pixels.mean(0)
    pixels = mean + s * (pixels - mean)
    own = (pixels @ GREY)[:, None]
    return own + c * (pixels - own)


def recoloured__even_grey(pixels, b, s, c):
    """The grey of a colour is the plain mean of red, green and blue, as if the eye saw all three alike."""
    pixels = b * pixels
    mean = pixels.mean()
    pixels = mean + s * (pixels - mean)
    own = pixels.mean(1, keepdim=True)
    return own + c * (pixels - own)


def rate_at__begins_with_nothing(progress, warm_up, power):
    """The warm-up begins at a rate of 0, so that the first step is wasted."""
    if progress < warm_up:
        return progress / warm_up
    return max(1 - progress, 0) ** power


def rate_at__falls_from_the_warm_up_on(progress, warm_up, power):
    """What falls is measured from the end of the warm-up, not from the beginning of the run."""
    if progress < warm_up:
        return (progress + 1e-3) / (warm_up + 1e-3)
    return max(1 - (progress - warm_up) / (1 - warm_up), 0) ** power


def rate_at__falls_while_it_rises(progress, warm_up, power):
    """Both factors are multiplied, so that the rate falls already while it warms up."""
    rise = min((progress + 1e-3) / (warm_up + 1e-3), 1)
    return rise * max(1 - progress, 0) ** power


def train__forgets_the_velocities(make, batches, recipe, steps, until, state=None):
    """The velocities of the state are not taken over: it resumes with the weights alone."""
    if state is not None:
        state = state[0], torch.zeros_like(state[1]), state[2]
    return train(make, batches, recipe, steps, until, state)


def train__decays_everything(make, batches, recipe, steps, until, state=None):
    """Biases and the scales and shifts of normalisations decay as well."""
    network = make().train()
    weights, values = list(network.parameters()), list(network.state_dict().values())
    velocities, losses = [torch.zeros_like(w) for w in weights], []
    if state is not None:
        spread(state[0], values), spread(state[1], velocities)
        losses = state[2].tolist()
    for step in range(len(losses), until):
        rate = recipe.rate * rate_at(step / steps, recipe.warm_up, recipe.power)
        loss = loss_of(network, batches(step))
        gradients, _ = clip(torch.autograd.grad(loss, weights), recipe.clip)
        for w, g, v in zip(weights, gradients, velocities):
            moved = sgd(w.detach(), g, v, rate, recipe.momentum, recipe.decay)
            w.data.copy_(moved[0]), v.copy_(moved[1])
        losses.append(loss.item())
    return flat(values), flat(velocities), torch.tensor(losses)


def train__never_clips(make, batches, recipe, steps, until, state=None):
    """The gradient is not shortened, or what was shortened is not used."""
    return train(make, batches, dataclasses.replace(recipe, clip=1e9), steps, until, state)


def train__schedule_of_what_is_left(make, batches, recipe, steps, until, state=None):
    """The share that is done is taken of `until` and not of all steps, so that stopping earlier changes the rate."""
    return train(make, batches, recipe, until, until, state)


def batch_norm__divides_by_the_unbiased(x, mean, variance, training):
    """The mini-batch is divided by its unbiased deviation, the one that is to be collected."""
    now, spread = mean, variance
    if training:
        now, spread = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=1)
        mean, variance = 0.9 * mean + 0.1 * now, 0.9 * variance + 0.1 * spread
    y = (x - now[:, None, None]) / (spread[:, None, None] + 1e-5).sqrt()
    return y, mean, variance


def batch_norm__collects_the_biased(x, mean, variance, training):
    """What is collected is the mean of the squares and not the unbiased variance."""
    now, spread = mean, variance
    if training:
        now, spread = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        mean, variance = 0.9 * mean + 0.1 * now, 0.9 * variance + 0.1 * spread
    y = (x - now[:, None, None]) / (spread[:, None, None] + 1e-5).sqrt()
    return y, mean, variance


def batch_norm__picture_by_picture(x, mean, variance, training):
    """Mean and variance are those of each picture by itself: an instance normalisation."""
    now, spread = mean[None, :, None, None], variance[None, :, None, None]
    if training:
        now, spread = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
        unbiased = x.var((0, 2, 3), correction=1)
        mean, variance = 0.9 * mean + 0.1 * x.mean((0, 2, 3)), 0.9 * variance + 0.1 * unbiased
    return (x - now) / (spread + 1e-5).sqrt(), mean, variance


def batch_norm__collects_too_fast(x, mean, variance, training):
    """Nine tenths are taken of this mini-batch and one tenth is kept: the momentum is read the wrong way round."""
    y, _, _ = batch_norm(x, mean, variance, training)
    if training:
        unbiased = x.var((0, 2, 3), correction=1)
        mean, variance = 0.1 * mean + 0.9 * x.mean((0, 2, 3)), 0.1 * variance + 0.9 * unbiased
    return y, mean, variance


def rounded__cuts_off(values, bits):
    """What is too much is cut off, towards 0, and nothing is rounded up."""
    m, e = torch.frexp(values)
    return torch.ldexp((m * 2**bits).trunc() / 2**bits, e)


def rounded__halves_up(values, bits):
    """Of two numbers equally near, the larger is taken: sums of many numbers then drift upwards."""
    m, e = torch.frexp(values)
    return torch.ldexp((m * 2**bits + 0.5).floor() / 2**bits, e)


def rounded__fixed_steps(values, bits):
    """The steps are equally long everywhere, as in fixed point, and not in proportion to the number."""
    return (values * 2**bits).round() / 2**bits


def near_border__void_makes_a_border(labels, d):
    """Void counts as another category, so that whatever touches it is near a border."""
    h, w = labels.shape
    padded = nn.functional.pad(labels.float(), (d, d, d, d), value=-1)
    near = torch.zeros(h, w, dtype=torch.bool)
    for top in range(2 * d + 1):
        for left in range(2 * d + 1):
            other = padded[top : top + h, left : left + w]
            near |= (other != labels) & (other >= 0)
    return near & (labels != 255)


def near_border__rows_and_columns_only(labels, d):
    """Looks along rows and columns and not across, so that corners are missed."""
    h, w = labels.shape
    padded = nn.functional.pad(labels, (d, d, d, d), value=255)
    near = torch.zeros(h, w, dtype=torch.bool)
    for k in range(2 * d + 1):
        for other in (padded[k : k + h, d : d + w], padded[d : d + h, k : k + w]):
            near |= (other != labels) & (other != 255)
    return near & (labels != 255)


def near_border__one_side(labels, d):
    """Only objects lie near a border, and the background beside them does not."""
    h, w = labels.shape
    padded = nn.functional.pad(labels, (d, d, d, d), value=255)
    near = torch.zeros(h, w, dtype=torch.bool)
    for top in range(2 * d + 1):
        for left in range(2 * d + 1):
            other = padded[top : top + h, left : left + w]
            near |= (other != labels) & (other != 255)
    return near & (labels != 255) & (labels != 0)
