"""The same networks and steps in PyTorch: data on the device, channels last, momentum, autocast where bfloat16 is asked."""

from collections.abc import Callable
import time
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from assay.data import Dataset
from benchmarks.step_time.torch_networks import conv, dense, lenet


def mlp() -> nn.Module:
    return nn.Sequential(nn.Flatten(), *dense(784, 100, 10))


class Block(nn.Module):
    """He et al. 2016, projection shortcuts where the size changes."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1, self.conv2 = conv(inputs, outputs, stride=stride), conv(outputs, outputs)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        changes = stride > 1 or inputs != outputs
        projection = [conv(inputs, outputs, 1, stride, 0), nn.BatchNorm2d(outputs)] if changes else []
        self.shortcut = nn.Sequential(*projection)

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


def resnet18() -> nn.Module:
    stem = [conv(3, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)]
    return nn.Sequential(*stem, *(Block(*width) for width in widths), *head)


def airbench() -> nn.Module:
    layers, inputs = [nn.Conv2d(3, 24, 2, bias=False), nn.BatchNorm2d(24), nn.ReLU()], 24
    for maps in (64, 256, 256):
        layers += [conv(inputs, maps), nn.MaxPool2d(2), nn.BatchNorm2d(maps), nn.ReLU()]
        layers += [conv(maps, maps), nn.BatchNorm2d(maps), nn.ReLU()]
        inputs = maps
    return nn.Sequential(*layers, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(256, 10))


NETWORKS = {"mlp": mlp, "lenet": lenet, "resnet18": resnet18, "airbench": airbench}


def trainer(
    name: str, case: Any, rate: float, data: Dataset, parameters: int, compiled: bool
) -> Callable[[], float]:
    """A function that trains one run for the case's steps and gives examples a second; warm.

    Raises:
      RuntimeError: the network has not as many parameters as it should.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.set_float32_matmul_precision("high")
    net = NETWORKS[name]().to(device, memory_format=torch.channels_last)
    count = sum(p.numel() for p in net.parameters())
    if count != parameters:
        raise RuntimeError(f"{name} has {count:,} parameters in PyTorch, not {parameters:,}")
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    images = torch.from_numpy(data.train.x).permute(0, 3, 1, 2).to(device).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(data.train.y.astype(np.int64)).to(device)
    half = case.dtype == "bfloat16"

    def loss_of(x, y):
        with torch.autocast(device, torch.bfloat16, enabled=half):
            return F.cross_entropy(net(x.float() / 255), y)

    loss_of = torch.compile(loss_of) if compiled else loss_of

    def run() -> float:
        began = time.perf_counter()
        order = torch.randperm(len(labels), device=device)
        for number in range(case.steps):
            start = number * case.batch % len(labels)
            part = order[start : start + case.batch]
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(images[part], labels[part])
            loss.backward()
            optimizer.step()
        loss.item()  # waits for the device
        return case.steps * case.batch / (time.perf_counter() - began)

    for _ in range(2):
        run()
    return run
