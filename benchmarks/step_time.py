"""How long does one training step (forward + backward + SGD) take: assay, plain flax, PyTorch?

    PYTHONPATH=lib python -m benchmarks.step_time

MLP 784-256-256-10, LeNet (28x28 padded by 2) and ResNet-20 (32x32x3), batch 128, float32, one step a call
("step") and many steps in one compiled `lax.scan` ("scan"). All variants run in turns in one process,
round after round, so that a busy machine slows all of them alike. Rounds go on until `--rounds` of them
were quiet (or five times as many were run); reported are medians over the quietest, and the ratios to
PyTorch's channels_last (where torch is installed: the extra `bench`). Every single time goes to the
result file in benchmarks/results/.
"""

from collections.abc import Callable
import datetime
import functools
import importlib.metadata
import importlib.util
import json
import math
import os
import pathlib
import platform
import statistics
import sys
import time

from absl import app, flags
from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from assay import models
from assay.ops.compiler import compiler_options

BATCH, CLASSES, RATE = 128, 10, 0.05
SHAPES = {"mlp": (28, 28, 1), "lenet": (28, 28, 1), "resnet20": (32, 32, 3)}
SPECS = {"mlp": "mlp(depth=2,width=256)", "lenet": "lenet", "resnet20": "resnet(depth=20)"}
PARAMETERS = {"mlp": 269_322, "lenet": 61_706, "resnet20": 269_722}
LENGTH = {"mlp": 200, "lenet": 40, "resnet20": 4}  # steps in a scan
QUIET = 0.1  # a round counts as quiet if other processes took at most this share of the cores
HOPELESS = 10  # a scan that is this many times slower than single steps is timed once

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 9, "quiet rounds that count", lower_bound=1)
flags.DEFINE_list("models", list(SHAPES), "which of mlp, lenet, resnet20")
flags.DEFINE_string("out", None, "result file; default benchmarks/results/step_time.json")


class FlaxMLP(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = x.reshape(x.shape[0], -1)
        for width in (256, 256):
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(CLASSES)(x)


class FlaxLeNet(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        x = nn.avg_pool(nn.relu(nn.Conv(6, (5, 5), padding=2)(x)), (2, 2), (2, 2))
        x = nn.avg_pool(nn.relu(nn.Conv(16, (5, 5), padding="VALID")(x)), (2, 2), (2, 2))
        x = x.reshape(x.shape[0], -1)
        for width in (120, 84):
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(CLASSES)(x)


class FlaxResNet20(nn.Module):
    @nn.compact
    def __call__(self, x, train):
        conv = functools.partial(nn.Conv, kernel_size=(3, 3), use_bias=False)
        norm = functools.partial(nn.BatchNorm, use_running_average=not train, momentum=0.9)
        x = nn.relu(norm()(conv(16)(x)))
        for features in (16, 32, 64):
            for block in range(3):
                strides = 2 if features > 16 and not block else 1
                y = nn.relu(norm()(conv(features, strides=strides)(x)))
                y = norm()(conv(features)(y))
                if strides > 1:
                    x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, features - x.shape[-1])))
                x = nn.relu(x + y)
        return nn.Dense(CLASSES)(x.mean((1, 2)))


def assay_model(name: str):
    norm = "batch_norm" if name == "resnet20" else "none"
    model = models.build(SPECS[name], activation="relu", init="he_normal", norm=norm, outputs=CLASSES)

    def forward(params, state, x):
        output, state = model.apply(params, state, x, key=jax.random.key(0), train=True)
        return output.logits, state

    return model.init, forward


def flax_model(name: str):
    module = {"mlp": FlaxMLP, "lenet": FlaxLeNet, "resnet20": FlaxResNet20}[name]()

    def init(key, x):
        variables = dict(module.init(key, x, train=True))
        return variables.pop("params"), variables

    def forward(params, state, x):
        return module.apply({"params": params, **state}, x, train=True, mutable=list(state))

    return init, forward


def jax_variants(
    name: str, model: Callable, options: dict, x: np.ndarray, y: np.ndarray
) -> dict[str, Callable]:
    """Compiled calls that run `LENGTH[name]` steps, one by one and in a scan, and return the last loss."""
    init, forward = model(name)
    x, y = jnp.asarray(x), jnp.asarray(y)

    def step(carry, number):
        params, state = carry
        # A batch depends on the step, as in training, so that nothing is constant over the loop.
        start = (number % 2) * BATCH
        images, labels = (jax.lax.dynamic_slice_in_dim(a, start, BATCH) for a in (x, y))

        def loss(params):
            logits, new_state = forward(params, state, images)
            return optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean(), new_state

        (value, state), gradient = jax.value_and_grad(loss, has_aux=True)(params)
        return (jax.tree.map(lambda p, g: p - RATE * g, params, gradient), state), value

    carry = jax.jit(init)(jax.random.key(0), x[:BATCH])
    count = sum(leaf.size for leaf in jax.tree.leaves(carry[0]))
    if count != PARAMETERS[name]:
        raise RuntimeError(
            f"{name} has {count} parameters, not {PARAMETERS[name]}: the variants would not compare"
        )
    numbers = jnp.arange(LENGTH[name])
    single = jax.jit(step, compiler_options=options).lower(carry, numbers[0]).compile()
    scan = jax.jit(lambda c: jax.lax.scan(step, c, numbers), compiler_options=options).lower(carry).compile()

    def one_by_one():
        c = carry
        for number in numbers:
            c, value = single(c, number)
        return float(value)

    return {"step": one_by_one, "scan": lambda: float(scan(carry)[1][-1])}


def torch_variant(name: str, x: np.ndarray, y: np.ndarray) -> Callable:
    """The same network and step in eager PyTorch, channels_last."""
    import torch
    from torch import nn as tnn
    from torch.nn import functional as F

    class Block(tnn.Module):
        def __init__(self, inputs, outputs, stride):
            super().__init__()
            self.conv1 = tnn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            self.conv2 = tnn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
            self.norm1, self.norm2 = tnn.BatchNorm2d(outputs), tnn.BatchNorm2d(outputs)
            self.stride, self.extra = stride, outputs - inputs

        def forward(self, x):
            y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
            if self.stride > 1:
                x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.extra))
            return F.relu(x + y)

    def dense(*widths):
        pairs = zip(widths, widths[1:])
        return [layer for pair in pairs for layer in (tnn.Linear(*pair), tnn.ReLU())][:-1]

    if name == "mlp":
        net = tnn.Sequential(tnn.Flatten(), *dense(784, 256, 256, CLASSES))
    elif name == "lenet":
        first = [tnn.Conv2d(1, 6, 5, padding=2), tnn.ReLU(), tnn.AvgPool2d(2)]
        second = [tnn.Conv2d(6, 16, 5), tnn.ReLU(), tnn.AvgPool2d(2)]
        net = tnn.Sequential(*first, *second, tnn.Flatten(), *dense(400, 120, 84, CLASSES))
    else:
        widths = [(16, 16, 1)] * 3 + [(16, 32, 2)] + [(32, 32, 1)] * 2 + [(32, 64, 2)] + [(64, 64, 1)] * 2
        stem = [tnn.Conv2d(3, 16, 3, 1, 1, bias=False), tnn.BatchNorm2d(16), tnn.ReLU()]
        head = [tnn.AdaptiveAvgPool2d(1), tnn.Flatten(), tnn.Linear(64, CLASSES)]
        net = tnn.Sequential(*stem, *(Block(*width) for width in widths), *head)
    count = sum(p.numel() for p in net.parameters())
    if count != PARAMETERS[name]:
        raise RuntimeError(f"{name} has {count} parameters in torch, not {PARAMETERS[name]}")
    net = net.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(net.parameters(), lr=RATE)
    images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    labels = torch.from_numpy(y).long()

    def run():
        for number in range(LENGTH[name]):
            part = slice(number % 2 * BATCH, (number % 2 + 1) * BATCH)
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(net(images[part]), labels[part])
            loss.backward()
            optimizer.step()
        return loss.item()

    return run


def say(text: str):
    print(text, file=sys.stderr, flush=True)


def others_share() -> Callable[[], float]:
    """Starts a watch; called, it tells the share of all cores others used since then (0 where unknown)."""
    stat = pathlib.Path("/proc/stat")

    def reading():
        if not stat.exists():
            return 0.0, 1.0
        numbers = [int(text) for text in stat.read_text().split("\n", 1)[0].split()[1:9]]
        ticks = os.sysconf("SC_CLK_TCK")
        idle = numbers[3] + numbers[4]  # idle and waiting for disk
        return (sum(numbers) - idle) / ticks - time.process_time(), sum(numbers) / ticks

    busy, total = reading()

    def share() -> float:
        busy_now, total_now = reading()
        return max(0.0, (busy_now - busy) / max(total_now - total, 1e-9))

    return share


def measure(name: str, rounds: int) -> dict[str, list[float]]:
    """Milliseconds per step of every variant, one number a round, and "others", the share of other work."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2 * BATCH, *SHAPES[name])).astype(np.float32)
    y = rng.integers(0, CLASSES, 2 * BATCH).astype(np.int32)
    variants = {}
    for label, model, options in (("assay", assay_model, compiler_options()), ("flax", flax_model, {})):
        say(f"{name}: compiling {label}")
        made = jax_variants(name, model, options, x, y)
        variants |= {f"{label} {how}": run for how, run in made.items()}
    if importlib.util.find_spec("torch"):
        variants["torch"] = torch_variant(name, x, y)
    else:
        say("torch is not installed (extra `bench`): no ratios to it")
    times = {label: [] for label in (*variants, "others")}
    warm = {label: timed(run, name) for label, run in variants.items()}
    for label in ("assay", "flax"):
        (step_ms, step_loss), (scan_ms, scan_loss) = warm[f"{label} step"], warm[f"{label} scan"]
        if not math.isclose(step_loss, scan_loss, rel_tol=1e-2):
            raise RuntimeError(
                f"{name}, {label}: the last loss in a scan is {scan_loss}, one by one {step_loss}"
            )
        if scan_ms > HOPELESS * step_ms:
            times[f"{label} scan"].append(scan_ms)
            del variants[f"{label} scan"]
    while sum(share <= QUIET for share in times["others"]) < rounds and len(times["others"]) < 5 * rounds:
        share = others_share()
        for label, run in variants.items():
            times[label].append(timed(run, name)[0])
        times["others"].append(share())
        middle = "  ".join(f"{label} {statistics.median(times[label]):.2f}" for label in variants)
        say(f"{name} round {len(times['others'])}, others {times['others'][-1]:.0%}, median ms: {middle}")
    return times


def timed(run: Callable[[], float], name: str) -> tuple[float, float]:
    """Milliseconds a step, and what the run returned."""
    start = time.perf_counter()
    result = run()
    return 1e3 * (time.perf_counter() - start) / LENGTH[name], result


def summary(times: dict[str, list[float]], rounds: int) -> dict[str, dict[str, float]]:
    """Over the quietest rounds: median milliseconds a step, and median ratio to PyTorch in the same round."""
    quiet = np.argsort(times["others"], kind="stable")[:rounds]
    rows = {}
    for label, values in times.items():
        if label == "others":
            continue
        values = values if len(values) == 1 else [values[number] for number in quiet]
        rows[label] = {"ms": statistics.median(values)}
        if "torch" in times:
            torch = [times["torch"][number] for number in quiet]
            # A variant that was timed once has no rounds.
            ratios = [a / b for a, b in zip(values * len(torch) if len(values) == 1 else values, torch)]
            rows[label]["to_torch"] = statistics.median(ratios)
    return rows


def environment() -> dict:
    packages = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages if importlib.util.find_spec(name)},
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "device": jax.devices()[0].device_kind,
        "compiler_options": compiler_options(),
        "load_average_before": os.getloadavg()[0],
        "date": datetime.date.today().isoformat(),
        "command": " ".join(["python -m benchmarks.step_time", *sys.argv[1:]]),
    }


def _processor() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main(arguments: list[str]):
    if unknown := [*arguments[1:], *(name for name in FLAGS.models if name not in SHAPES)]:
        sys.exit(f"unknown: {' '.join(unknown)}; models are {', '.join(SHAPES)}")
    out = pathlib.Path(FLAGS.out or pathlib.Path(__file__).parent / "results" / "step_time.json")
    result = {"environment": environment(), "batch": BATCH, "steps_in_a_scan": LENGTH, "models": {}}
    for name in FLAGS.models:
        times = measure(name, FLAGS.rounds)
        result["models"][name] = {"summary": summary(times, FLAGS.rounds), "rounds": times}
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(result, indent=1) + "\n")
    print(f"{'model':10}{'variant':14}{'ms a step':>10}{'/ torch':>9}")
    for name, rows in result["models"].items():
        for label, row in rows["summary"].items():
            ratio = f"{row['to_torch']:9.2f}" if "to_torch" in row else f"{'-':>9}"
            print(f"{name:10}{label:14}{row['ms']:10.2f}{ratio}")
    print(out)


if __name__ == "__main__":
    app.run(main)
