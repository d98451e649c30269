"""A light pretrained trunk: MobileNetV2 as torchvision builds it, at any output stride.

The strides are taken out by the rule of bridgeseg.networks.resnet: the convolution that lost its stride keeps its
dilation, those after it are dilated. It is not one of the paper's networks; it is our choice for photographs
on a laptop.

Built in chapter 11.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.models import mobilenet_v2
from torchvision.models.mobilenetv2 import InvertedResidual

from bridgeseg.networks.fixed_statistics import convolve
from bridgeseg.networks.resnet import OUTPUT_STRIDES, Norm

# torchvision's numbers of the blocks with a stride of 2; a feature map is read just before each of them.
STRIDED = (0, 2, 4, 7, 14)


class MobileNet(nn.Module):
    """MobileNetV2 without its classifier: a picture in, its feature maps out; `mobilenet` makes one.

    output_stride, expand: as in `mobilenet`
    norm: makes a normalisation layer for a number of channels

    channels, strides, output_stride, left_out: as in `bridgeseg.networks.resnet.ResNet`

    Built in chapter 11.
    """

    def __init__(self, output_stride: int, expand: bool, norm: Norm) -> None:
        super().__init__()
        self.output_stride = output_stride
        layers = list(mobilenet_v2(weights=None, norm_layer=norm).features.children())
        self.features = nn.Sequential(*(layers if expand else layers[:-1]))
        self.left_out = ("classifier.",) if expand else ("classifier.", "features.18.")
        self.read = [number - 1 for number in STRIDED[1:]] + [len(self.features) - 1]
        self.strides: list[int] = []
        stride, dilation = 1, 1
        for number, layer in enumerate(self.features):
            for part in layer.modules():
                if not isinstance(part, nn.Conv2d) or part.kernel_size == (1, 1):
                    continue
                before = dilation
                if part.stride == (2, 2):
                    if stride * 2 > output_stride:
                        dilation *= 2
                        part.stride = (1, 1)
                    else:
                        stride *= 2
                part.dilation = (before, before)
                part.padding = (before, before)
            if number in self.read:
                self.strides.append(stride)
        self.channels = [16, 24, 32, 96, 1280 if expand else 320]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return the feature maps before each stride and the last one, finest first.

        x: (n, 3, h, w) float, normalised
        returns: one (n, channels[i], ceil(h / strides[i]), ceil(w / strides[i])) tensor for each i
        """
        features = []
        for number, layer in enumerate(self.features):
            x = run(layer, x)
            if number in self.read:
                features.append(x)
        return features


def run(layer: nn.Module, x: Tensor) -> Tensor:
    """Return what one of torchvision's layers gives, every convolution together with its normalisation.

    layer: a convolution with what follows it, or an inverted residual block
    x: (n, c, h, w) float
    returns: (n, channels, h', w') float
    """
    if isinstance(layer, InvertedResidual):
        branch = run(layer.conv, x)
        return x + branch if layer.use_res_connect else branch
    parts = iter(layer.children())
    for part in parts:
        if isinstance(part, nn.Conv2d):
            x = convolve(x, part, next(parts))
        else:
            x = run(part, x) if isinstance(part, nn.Sequential) else part(x)
    return x


def mobilenet(
    output_stride: int = 16, *, expand: bool = True, norm_layer: Norm = nn.BatchNorm2d
) -> MobileNet:
    """Return a MobileNetV2 trunk with freshly drawn weights.

    output_stride: 32, 16, 8, 4 or 2 pixels of the picture per cell of the last feature map
    expand: keep the last 1×1 convolution, from 320 to 1280 channels. Without it a head with a 3×3 kernel on
        the last map costs a quarter (our choice, for laptops)
    norm_layer: makes a normalisation layer for a number of channels, as for `bridgeseg.networks.resnet.resnet`
    raises: ValueError when the stride is none of these

    Built in chapter 11.
    """
    if output_stride not in OUTPUT_STRIDES:
        raise ValueError(
            f"output_stride is {output_stride}, expected one of {', '.join(map(str, OUTPUT_STRIDES))}"
        )
    return MobileNet(output_stride, expand, norm_layer)
