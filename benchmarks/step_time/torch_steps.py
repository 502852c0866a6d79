"""The same training step in PyTorch: channels_last, data in memory, plain SGD; eager, and by torch.compile."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.step_time.cases import Case, dataset, RATE
from benchmarks.step_time.torch_networks import NETWORKS

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def variants(name: str, case: Case) -> dict[str, Callable[[int], float]]:
    """`torch eager` and `torch compiled`: each trains a number of steps and gives the last loss.

    Raises:
      RuntimeError: a network with another number of parameters than the case's.
    """
    return {"torch eager": _run(name, case, False), "torch compiled": _run(name, case, True)}


def _run(name: str, case: Case, compiled: bool) -> Callable[[int], float]:
    network = NETWORKS[name]().to(memory_format=torch.channels_last)
    count = sum(p.numel() for p in network.parameters())
    if count != case.parameters:
        raise RuntimeError(f"{name} has {count:,} parameters in PyTorch, not {case.parameters:,}")
    make = _adversarial if case.task == "adversarial" else _supervised
    step = make(network, case, torch.compile if compiled else lambda function: function)
    data = dataset(case)
    images = torch.from_numpy(data.train.x).permute(0, 3, 1, 2).float().div(255)
    images = images.contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(data.train.y).long()

    def run(steps: int) -> float:
        for number in range(steps):
            part = slice(number % 2 * case.batch, (number % 2 + 1) * case.batch)
            loss = step(images[part], labels[part])
        return loss.item()

    return run


def _supervised(network: nn.Module, case: Case, transform: Callable) -> Loss:
    def cross_entropy(x, y):
        return F.cross_entropy(network(x), y)

    def squared_error(x, y):
        return (network(x) - x.flatten(1)).square().sum(1).mean()

    loss_of = transform(squared_error if case.loss == "squared_error" else cross_entropy)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(x, y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def _adversarial(network: nn.Module, case: Case, transform: Callable) -> Loss:
    generator, discriminator = network.generator, network.discriminator

    def discriminator_loss(x, z):
        with torch.no_grad():
            fake = torch.sigmoid(generator(z))
        return F.softplus(-discriminator(x)).mean() + F.softplus(discriminator(fake)).mean()

    def generator_loss(z):
        return F.softplus(-discriminator(torch.sigmoid(generator(z)))).mean()

    losses = transform(discriminator_loss), transform(generator_loss)
    optimizers = [torch.optim.SGD(part.parameters(), lr=RATE) for part in (discriminator, generator)]

    def step(x, y):
        del y
        total = 0.0
        for player, (loss_of, optimizer, mine, other) in enumerate(
            zip(losses, optimizers, (discriminator, generator), (generator, discriminator))
        ):
            mine.requires_grad_(True)
            other.requires_grad_(False)  # no gradient is computed that nobody uses
            z = torch.randn(len(x), 100)
            optimizer.zero_grad(set_to_none=True)
            loss = loss_of(z) if player else loss_of(x, z)
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total

    return step
