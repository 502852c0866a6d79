"""The networks in PyTorch."""

import torch
from torch import nn
from torch.nn import functional as F


def dense(*widths: int) -> list[nn.Module]:
    """Linear layers with ReLU between them."""
    pairs = zip(widths, widths[1:])
    return [layer for pair in pairs for layer in (nn.Linear(*pair), nn.ReLU())][:-1]


def conv(inputs: int, outputs: int, size: int = 3, stride: int = 1, padding: int = 1) -> nn.Conv2d:
    """A convolution without bias, for a normalisation to follow."""
    return nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), *dense(784, 256, 256, 10))


def lenet() -> nn.Module:
    first = [nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2)]
    second = [nn.Conv2d(6, 16, 5), nn.ReLU(), nn.AvgPool2d(2)]
    return nn.Sequential(*first, *second, nn.Flatten(), *dense(400, 120, 84, 10))


def strided_cnn() -> nn.Module:
    convs = [nn.Conv2d(1, 16, 5, 2), nn.Conv2d(16, 32, 5, 2), nn.Conv2d(32, 32, 3, 2)]
    layers = [layer for one in convs for layer in (one, nn.ReLU())]
    return nn.Sequential(*layers, nn.Flatten(), nn.Dropout(0.5), *dense(32, 32, 10))


class Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1, self.conv2 = conv(inputs, outputs, stride=stride), conv(outputs, outputs)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.stride, self.extra = stride, outputs - inputs

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        if self.stride > 1:
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))
        return F.relu(x + y)


def resnet20() -> nn.Module:
    widths = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
    stem = [conv(3, 16), nn.BatchNorm2d(16), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)]
    return nn.Sequential(*stem, *(Residual(*width) for width in widths), *head)


def vgg11() -> nn.Module:
    layers, inputs = [], 3
    for count, outputs in zip((1, 1, 2, 2, 2), (64, 128, 256, 512, 512)):
        for _ in range(count):
            layers += [conv(inputs, outputs), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        layers.append(nn.MaxPool2d(2))
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 10))


class Dense(nn.Module):
    def __init__(self, inputs: int):
        super().__init__()
        self.norm, self.conv = nn.BatchNorm2d(inputs), conv(inputs, 12)

    def forward(self, x):
        return torch.cat([x, self.conv(F.relu(self.norm(x)))], 1)


def densenet40() -> nn.Module:
    layers, maps = [conv(3, 16)], 16
    for block in range(3):
        if block:
            layers += [nn.BatchNorm2d(maps), nn.ReLU(), conv(maps, maps, 1, padding=0), nn.AvgPool2d(2)]
        layers += [Dense(maps + 12 * layer) for layer in range(12)]
        maps += 12 * 12
    head = [nn.BatchNorm2d(maps), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(maps, 10)]
    return nn.Sequential(*layers, *head)


def level(inputs: int, outputs: int) -> nn.Module:
    """Two convolutions of a U-Net."""
    convs = [nn.Conv2d(inputs, outputs, 3, padding=1), nn.Conv2d(outputs, outputs, 3, padding=1)]
    return nn.Sequential(*(layer for one in convs for layer in (one, nn.ReLU())))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [64, 128, 256, 512, 1024]
        self.down = nn.ModuleList(level(*pair) for pair in zip([1, *widths], widths))
        pairs = list(zip(widths, widths[1:]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(big, small, 2, 2) for small, big in pairs)
        self.join = nn.ModuleList(level(big, small) for small, big in pairs)
        self.last = nn.Conv2d(64, 2, 1)

    def forward(self, x):
        kept = []
        for number, layers in enumerate(self.down):
            x = layers(x)
            if number >= 3:
                x = F.dropout(x, 0.5)
            if number < 4:
                kept.append(x)
                x = F.max_pool2d(x, 2)
        for number in reversed(range(4)):
            x = torch.cat([kept[number], F.relu(self.up[number](x))], 1)
            x = self.join[number](x)
        return self.last(x)


class DCGAN(nn.Module):
    """Generator and discriminator; both end before their sigmoid."""

    def __init__(self):
        super().__init__()
        widths = [256, 128, 64]
        ups = [
            layer
            for pair in zip(widths, widths[1:])
            for layer in (nn.ConvTranspose2d(*pair, 4, 2, 1, bias=False), nn.BatchNorm2d(pair[1]), nn.ReLU())
        ]
        first = [nn.Linear(100, 4 * 4 * 256, bias=False), nn.Unflatten(1, (256, 4, 4)), nn.BatchNorm2d(256), nn.ReLU()]
        self.generator = nn.Sequential(*first, *ups, nn.ConvTranspose2d(64, 3, 4, 2, 1))
        downs = [
            layer
            for pair in zip([3, *widths[:0:-1]], widths[::-1])
            for layer in (conv(*pair, 4, 2), nn.BatchNorm2d(pair[1]), nn.ReLU())
        ]
        self.discriminator = nn.Sequential(*downs, nn.Flatten(), nn.Linear(4 * 4 * 256, 1))


def autoencoder() -> nn.Module:
    ends = dense(784, 1000, 500, 250, 30), dense(30, 250, 500, 1000, 784)
    return nn.Sequential(nn.Flatten(), *ends[0], *ends[1])


NETWORKS = {
    "mlp": mlp,
    "lenet": lenet,
    "strided_cnn": strided_cnn,
    "resnet20": resnet20,
    "vgg11": vgg11,
    "densenet40": densenet40,
    "unet": UNet,
    "dcgan": DCGAN,
    "autoencoder": autoencoder,
}
