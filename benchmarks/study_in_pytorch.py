"""The study of study_throughput.py as a PyTorch script: one trial after the other, nothing that waits without need.

    python benchmarks/study_in_pytorch.py --model=lenet --data=mnist.npz --out=results.jsonl

The data are one tensor in memory that batches are taken from by index, losses and errors stay tensors until a trial
ends, SGD is PyTorch's fused one. With --processes=N the trials are dealt out to N processes of
one thread each; without, PyTorch's own threads share every operation.
"""

import argparse
import concurrent.futures
import functools
import itertools
import json
import math
import multiprocessing
import sys

import numpy as np
import torch
from torch import nn

ACTIVATIONS = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "softsign": nn.Softsign,
    "relu": nn.ReLU,
    "elu": nn.ELU,
}
INITS = {
    "uniform_fan_in": lambda w: nn.init.uniform_(w, -1 / math.sqrt(w[0].numel()), 1 / math.sqrt(w[0].numel())),
    "glorot_uniform": nn.init.xavier_uniform_,
    "he_normal": lambda w: nn.init.kaiming_normal_(w, nonlinearity="relu"),
}
EVAL_BATCH = 500


def network(model: str, activation: str, init: str) -> nn.Module:
    """784-100-100-10, or LeNet of 61,706 parameters, for inputs `[B, 1, 28, 28]`."""
    act = ACTIVATIONS[activation]
    if model == "mlp":
        layers = [nn.Flatten(), nn.Linear(784, 100), act(), nn.Linear(100, 100), act(), nn.Linear(100, 10)]
    else:
        layers = [nn.Conv2d(1, 6, 5, padding=2), act(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), act(), nn.AvgPool2d(2)]
        layers += [nn.Flatten(), nn.Linear(400, 120), act(), nn.Linear(120, 84), act(), nn.Linear(84, 10)]
    for layer in layers:
        if hasattr(layer, "weight"):
            INITS[init](layer.weight)
            nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


@torch.inference_mode()
def evaluated(net: nn.Module, x: torch.Tensor, y: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean loss and error, on the device."""
    loss, wrong = torch.zeros(()), torch.zeros(())
    for images, labels in zip(x.split(EVAL_BATCH), y.split(EVAL_BATCH)):
        logits = net(images)
        loss += nn.functional.cross_entropy(logits, labels, reduction="sum")
        wrong += (logits.argmax(1) != labels).sum()
    return loss / len(y), wrong / len(y)


def train(trial: dict, settings: argparse.Namespace, data: dict[str, torch.Tensor]) -> dict:
    """One trial: its settings, final metrics, and the curve of training and validation."""
    torch.manual_seed(trial["seed"])
    net = network(settings.model, trial["activation"], trial["init"])
    optimizer = torch.optim.SGD(net.parameters(), lr=settings.lr, fused=True)
    x, y = data["x_train"], data["y_train"]
    held = [(x[:2000], y[:2000]), (data["x_validation"], data["y_validation"]), (data["x_test"], data["y_test"])]
    per_epoch = len(y) // settings.batch_size
    steps = max(1, round(settings.epochs * per_epoch))
    at = {k * steps // settings.evals for k in range(settings.evals)}
    curve = []
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.randperm(len(y)).split(settings.batch_size)
        if step in at:
            curve.append([*evaluated(net, *held[0]), *evaluated(net, *held[1])])
        optimizer.zero_grad(set_to_none=True)
        chosen = order[step % per_epoch]
        loss = nn.functional.cross_entropy(net(x[chosen]), y[chosen])
        loss.backward()
        optimizer.step()
    final = [evaluated(net, *split) for split in held]
    names = [f"{role}_{what}" for role in ("train", "validation", "test") for what in ("loss", "error")]
    metrics = {name: value.item() for name, value in zip(names, itertools.chain(*final))}
    return trial | metrics | {"steps": steps, "curve": [[value.item() for value in row] for row in curve]}


@functools.cache
def loaded(path: str) -> dict[str, torch.Tensor]:
    """Images standardised, `[N, 1, 28, 28]`; labels as int64."""
    with np.load(path) as arrays:
        mean, std = arrays["mean"].item(), arrays["std"].item()
        found = {name: torch.from_numpy(arrays[name]) for name in arrays.files if name[:2] in ("x_", "y_")}
    return {
        name: array.long() if name[0] == "y" else ((array.float() / 255 - mean) / std).permute(0, 3, 1, 2).contiguous()
        for name, array in found.items()
    }


def part(settings: argparse.Namespace, trials: list[dict]) -> list[str]:
    """The lines of some trials, in a process of one thread."""
    torch.set_num_threads(1)
    return [json.dumps(train(trial, settings, loaded(settings.data))) for trial in trials]


def main() -> None:
    """Trains the grid and writes a line a trial."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=("mlp", "lenet"), required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--epochs", type=float, default=1.0)
    parser.add_argument("--batch_size", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--evals", type=int, default=5)
    parser.add_argument("--processes", type=int, default=0)
    settings = parser.parse_args()
    grid = itertools.product(ACTIVATIONS, INITS, range(settings.seeds))
    trials = [dict(zip(("activation", "init", "seed"), values)) for values in grid]
    with open(settings.out, "w", encoding="utf-8") as file:
        if not settings.processes:
            for trial in trials:
                print(json.dumps(train(trial, settings, loaded(settings.data))), file=file, flush=True)
            return
        spawn = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(settings.processes, spawn) as pool:
            for lines in pool.map(functools.partial(part, settings), ([trial] for trial in trials)):
                print(*lines, sep="\n", file=file, flush=True)


if __name__ == "__main__":
    sys.exit(main())
