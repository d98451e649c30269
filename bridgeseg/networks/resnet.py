"""Residual trunks: ResNet-18 to 152 at any output stride, with torchvision's parameter names.

A trunk maps a picture to its feature maps. To answer at a finer resolution, some of its strides are taken
out, and every convolution *after* a removed stride is dilated by as much, so that it still sees the positions
that it saw when its weights were learned. The convolution that lost its stride keeps the dilation from
before. For bottleneck blocks this is torchvision's rule; for basic blocks, which torchvision refuses to
dilate, it means that the first block of a stage has two different dilations. Either way the finer trunk, read
at every n-th position, is the coarser trunk exactly, borders included.

Every layer pads by half its reach, so that cell j of a map with stride s is centred on pixel s·j of the
picture, and a picture of h rows gives ceil(h / s) cells.

Built in chapter 4 (the blocks) and chapter 5 (dilation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from bridgeseg.networks.fixed_statistics import convolve

Norm = Callable[[int], nn.Module]

OUTPUT_STRIDES = (32, 16, 8, 4, 2)


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1, dilation: int = 1) -> nn.Conv2d:
    """Return a convolution without bias whose padding keeps cell j centred on position stride · j.

    inputs, outputs: channels that come in and go out
    kernel: its side, odd
    stride: inputs from output to output
    dilation: inputs from tap to tap

    Example:
        >>> import torch
        >>> convolution(3, 8, kernel=3, stride=2)(torch.zeros(1, 3, 5, 6)).shape
        torch.Size([1, 8, 3, 3])

    Built in chapter 4.
    """
    padding = dilation * (kernel - 1) // 2
    return nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)


class BasicBlock(nn.Module):
    """Two 3×3 convolutions beside an identity (ResNet-18 and 34).

    inputs, width: channels that come in, and channels of the convolutions; `width · expansion` channels go
        out
    stride: of the first convolution
    dilations: of the convolution that has the stride, and of what follows it in the stage
    norm: makes a normalisation layer for a number of channels
    dropout: probability in [0, 1), applied before the branch's last convolution

    Example:
        >>> import torch
        >>> block = BasicBlock(4, 8, stride=2, dilations=(1, 1), norm=nn.BatchNorm2d)
        >>> block(torch.zeros(1, 4, 6, 6)).shape
        torch.Size([1, 8, 3, 3])

    Built in chapter 4.
    """

    expansion = 1

    def __init__(
        self, inputs: int, width: int, stride: int, dilations: tuple[int, int], norm: Norm, dropout: float = 0
    ) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, width, 3, stride, dilations[0])
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        # Here torchvision would use one dilation for both. Only this one comes after the removed stride.
        self.conv2 = convolution(width, width, 3, 1, dilations[1])
        self.bn2 = norm(width)
        self.downsample = shortcut(inputs, width * self.expansion, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.relu(convolve(x, self.conv1, self.bn1))
        branch = convolve(self.dropout(branch), self.conv2, self.bn2)
        branch += x if self.downsample is None else convolve(x, *self.downsample)
        return self.relu(branch)


class Bottleneck(nn.Module):
    """A 1×1, a 3×3 and a 1×1 convolution beside an identity (ResNet-50, 101 and 152).

    Arguments as in `BasicBlock`; the stride is that of the 3×3 convolution, as in torchvision's weights.

    Example:
        >>> import torch
        >>> block = Bottleneck(8, 4, stride=2, dilations=(1, 1), norm=nn.BatchNorm2d)
        >>> block(torch.zeros(1, 8, 6, 6)).shape  # four times the width
        torch.Size([1, 16, 3, 3])

    Built in chapter 4.
    """

    expansion = 4

    def __init__(
        self, inputs: int, width: int, stride: int, dilations: tuple[int, int], norm: Norm, dropout: float = 0
    ) -> None:
        super().__init__()
        self.conv1 = convolution(inputs, width, 1)
        self.bn1 = norm(width)
        # The only convolution with a reach, and the one with the stride: the second dilation begins in the
        # next block.
        self.conv2 = convolution(width, width, 3, stride, dilations[0])
        self.bn2 = norm(width)
        self.dropout = nn.Dropout(dropout) if dropout else nn.Identity()
        self.conv3 = convolution(width, width * self.expansion, 1)
        self.bn3 = norm(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(inputs, width * self.expansion, stride, norm)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.relu(convolve(x, self.conv1, self.bn1))
        branch = self.relu(convolve(branch, self.conv2, self.bn2))
        branch = convolve(self.dropout(branch), self.conv3, self.bn3)
        branch += x if self.downsample is None else convolve(x, *self.downsample)
        return self.relu(branch)


def shortcut(inputs: int, outputs: int, stride: int, norm: Norm) -> nn.Sequential | None:
    """Return the 1×1 projection that a block needs where its output and input differ in size.

    inputs, outputs: channels that come in and go out
    stride: inputs from output to output
    norm: makes a normalisation layer for a number of channels
    returns: None where the input can be added as it is

    Example:
        >>> shortcut(4, 4, 1, nn.BatchNorm2d) is None
        True
        >>> len(shortcut(4, 8, 2, nn.BatchNorm2d))  # a convolution of 1×1 and its normalisation
        2

    Built in chapter 4.
    """
    if inputs == outputs and stride == 1:
        return None
    return nn.Sequential(convolution(inputs, outputs, 1, stride), norm(outputs))


LAYERS: dict[int, tuple[type[BasicBlock] | type[Bottleneck], tuple[int, int, int, int]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (Bottleneck, (3, 4, 6, 3)),
    101: (Bottleneck, (3, 4, 23, 3)),
    152: (Bottleneck, (3, 8, 36, 3)),
}


class ResNet(nn.Module):
    """A residual trunk: a picture in, its feature maps at every stage out; `resnet` makes one.

    block: what its stages are made of
    norm: makes a normalisation layer for a number of channels
    layers, output_stride, width, dropout, stem, zero_init_residual: as in `resnet`

    channels: the channels of each feature map
    strides: the stride of each feature map, in pixels of the picture
    output_stride: the stride of the last one
    left_out: beginnings of the names that an ImageNet state has and this trunk has not

    Built in chapter 4.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        layers: Sequence[int],
        output_stride: int,
        width: int,
        norm: Norm,
        dropout: tuple[float, float],
        stem: int,
        zero_init_residual: bool,
    ) -> None:
        super().__init__()
        self.output_stride = output_stride
        self.channels = [width]
        self.strides = [2]
        self.conv1 = convolution(3, width, stem, 2)
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        halve = output_stride >= 4
        self.maxpool = nn.MaxPool2d(3, 2 if halve else 1, padding=1)
        stride, dilation = (4, 1) if halve else (2, 2)
        inputs = width
        # A block's place from the end: the last one takes dropout[1], the one before it dropout[0].
        before_last = sum(layers) - 1
        for stage, blocks in enumerate(layers):
            step, first = (1, dilation) if stage == 0 else (2, dilation)
            if step == 2 and stride * 2 > output_stride:
                step, dilation = 1, dilation * 2
            stride *= step
            members: list[nn.Module] = []
            for index in range(blocks):
                chance = {1: dropout[0], 0: dropout[1]}.get(before_last, 0.0)
                before_last -= 1
                here = step if index == 0 else 1
                dilations = (first if index == 0 else dilation, dilation)
                members.append(block(inputs, width << stage, here, dilations, norm, chance))
                inputs = (width << stage) * block.expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*members))
            self.channels.append(inputs)
            self.strides.append(stride)
        self.depth = len(layers)
        self.left_out = ("fc.", *(f"layer{stage}." for stage in range(len(layers) + 1, 5)))
        self.reset(zero_init_residual)

    def reset(self, zero_init_residual: bool) -> None:
        """Set every weight anew: He et al.'s normal distribution over the fan-out, as torchvision does.

        zero_init_residual: as in `resnet`
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
        for module in self.modules():
            if zero_init_residual and isinstance(module, (BasicBlock, Bottleneck)):
                last = module.bn3 if isinstance(module, Bottleneck) else module.bn2
                if isinstance(getattr(last, "weight", None), Tensor):
                    nn.init.zeros_(last.weight)  # type: ignore[arg-type]  # each block starts as the identity

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the feature maps of the stem and of every stage, finest first.

        x: (n, 3, h, w) float, normalised
        returns: one (n, channels[i], ceil(h / strides[i]), ceil(w / strides[i])) tensor for each i
        """
        x = self.relu(convolve(x, self.conv1, self.bn1))
        features = [x]
        x = self.maxpool(x)
        for stage in range(1, self.depth + 1):
            x = self.get_submodule(f"layer{stage}")(x)
            features.append(x)
        return features


def resnet(
    depth: int,
    output_stride: int = 32,
    *,
    width: int = 64,
    layers: Sequence[int] | None = None,
    norm_layer: Norm = nn.BatchNorm2d,
    dropout: tuple[float, float] = (0.0, 0.0),
    stem: int = 7,
    zero_init_residual: bool = True,
) -> ResNet:
    """Return a residual trunk with freshly drawn weights.

    depth: 18 or 34 (basic blocks), 50, 101 or 152 (bottlenecks)
    output_stride: 32, 16, 8, 4 or 2 pixels of the picture per cell of the last feature map. The paper
        compares 16 and 8 (S); 4 and 2 are our choice, for small things
    width: channels of the stem and the first stage; 64 is the original, 16 to 32 suit a laptop (our choice)
    layers: blocks in each stage; None takes those of the depth. Fewer than four stages are allowed
    norm_layer: makes a normalisation layer for a number of channels; FixedStatistics for a pretrained trunk and
        small batches
    dropout: probabilities in the last two residual blocks, before the branch's last convolution. The paper
        has dropout "in some residual blocks" (S) without numbers; 0.3 and 0.5 in the last two blocks is the
        later code's (C)
    stem: kernel of the first convolution; 7 is the original, 3 costs a fifth of it (our choice, for laptops)
    zero_init_residual: begin with every block as the identity. It makes the deep ones easier to train from
        nothing, and weights that are loaded afterwards overwrite it (our choice)
    raises: ValueError when an argument is not one of these

    Example:
        >>> import torch
        >>> trunk = resnet(18, output_stride=8, width=4)
        >>> trunk.strides  # of the stem and the four stages: the last two strides are taken out
        [2, 4, 8, 8, 8]
        >>> [tuple(x.shape[1:]) for x in trunk(torch.zeros(1, 3, 64, 64))]
        [(4, 32, 32), (4, 16, 16), (8, 8, 8), (16, 8, 8), (32, 8, 8)]

    Built in chapter 4.
    """
    if depth not in LAYERS:
        raise ValueError(f"depth is {depth}, expected one of {', '.join(map(str, LAYERS))}")
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(
            f"output_stride is {output_stride}, expected one of {', '.join(map(str, OUTPUT_STRIDES))}"
        )
    if stem < 1 or stem % 2 == 0:
        raise ValueError(f"stem is {stem}, expected an odd kernel size")
    if not all(0 <= chance < 1 for chance in dropout) or len(dropout) != 2:
        raise ValueError(f"dropout is {dropout}, expected two probabilities from 0 to below 1")
    block, usual = LAYERS[depth]
    blocks = tuple(usual if layers is None else layers)
    if not 1 <= len(blocks) <= 4 or min(blocks) < 1:
        raise ValueError(f"layers is {blocks}, expected one to four stages of at least one block")
    if output_stride > 2 << len(blocks):
        raise ValueError(
            f"output_stride is {output_stride}, expected at most {2 << len(blocks)} with {len(blocks)} stages"
        )
    return ResNet(block, blocks, output_stride, width, norm_layer, dropout, stem, zero_init_residual)
