"""A generator of stores: folders in the format a study leaves behind, with made-up numbers."""

from collections.abc import Callable
import dataclasses
import functools
import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet
import pytest

from assay import config

BASE = dataclasses.asdict(
    config.Config(model="mlp(depth=5,width=100)", activation="relu", init="he_normal", norm="identity")
)
AXES = {
    "activation": ["sigmoid", "tanh", "softsign", "relu"],
    "init": ["uniform_fan_in", "glorot_uniform", "he_normal"],
}
PROVENANCE = {
    "python": "3.13.1",
    "jax": "0.12.0",
    "jaxlib": "0.12.0",
    "flax": "0.12.12",
    "optax": "0.2.8",
    "numpy": "2.5.0",
    "assay_code": "5f2c" * 16,
    "commit": "35af185",
    "dirty": False,
    "device": "cpu",
    "cores": 2,
    "platform": "Linux",
}
PUBLISHED = [
    {
        "arm": {"activation": "tanh", "init": "glorot_uniform"},
        "metric": "test_error",
        "value": 0.0164,
        "source": "Glorot & Bengio 2010, Table 1",
        "protocol": {"dataset": "mnist", "width": 1000, "preprocessing": "none"},
        "mark": "Mh",
    },
    {
        "arm": {"activation": "relu", "init": "he_normal"},
        "metric": "test_error",
        "value": 0.021,
        "source": "a checked source",
        "protocol": {"depth": 5},
        "mark": "V1",
    },
]


def verdict(name: str, word: str | None, effect: float | None, half: float, **extras: Any) -> dict[str, Any]:
    bounds = [None, None] if effect is None else [effect - half, effect + half]
    return {
        "claim": name,
        "statement": f"Normalised initialisation lowers the test error ({name}).",
        "verdict": word,
        "effect": effect,
        "interval": bounds,
        "p": 0.0031,
        "level": 0.0125,
        "n": 10,
        "metric": "test_error",
        "smallest": 0.002,
        "scale": "difference",
        "expects": "difference",
        "arms": [
            {"activation": "tanh", "init": "glorot_uniform"},
            {"activation": "tanh", "init": "uniform_fan_in"},
        ],
        "reason": "tanh with glorot_uniform makes 0.61 points less test error than with uniform_fan_in "
        "[0.41, 0.81], 10 seeds: beyond the smallest effect of interest, 0.20 points",
        "source": "Glorot & Bengio 2010, Table 1",
        "cited": "1.64 against 1.76 %",
        "better_mean": 0.0164,
        "worse_mean": 0.0225,
        "bca": bounds,
        "permutation_p_holm": 0.004,
        "tost_p": 0.9,
        "improvement": 1.0,
        "d": 2.1,
        "command": f"./launch.sh init_activation --seeds=10 # {name}",
        **extras,
    }


VERDICTS = [
    verdict("tanh_glorot", "confirmed", 0.0061, 0.002),
    verdict("relu_glorot", "refuted", -0.0073, 0.003),
    verdict("softsign_any", "equivalent", 0.0002, 0.0011, source="", cited="", expects="equivalence"),
    verdict("sigmoid_he", "inconclusive", -0.0015, 0.09),
    verdict("relu_speed", "confirmed", 3.0, 1.0, metric="steps_to_target", scale="ratio", smallest=1.5),
    verdict(
        "elu",
        None,
        None,
        0.0,
        reason="arm activation=elu is not in this run",
        n=0,
        p=None,
        level=None,
    ),
]


def _trial(
    rng: np.random.Generator, arm: int, metric: str, diverges: bool, probe: bool, evals: int, layers: int
) -> tuple:
    """Metrics lines and final values of one made-up run whose level depends on its arm."""
    total, level = 1000, 0.02 * (1 + arm % 5) * np.exp(0.1 * rng.normal())
    steps = np.unique(np.round(np.geomspace(1, total, evals)).astype(int)).tolist()
    at = int(total * rng.uniform(0.2, 0.6)) if diverges else None
    lines, depth = [], np.arange(layers)
    for step in [0, *steps]:
        if at is not None and step > at:
            lines.append({"step": at, "diverged": True})
            break
        if probe and step in (0, steps[-1]):
            wave = np.exp(
                -0.2 * depth * (1 + arm % 3) * (1 if step == 0 else 0.4) + 0.05 * rng.normal(size=layers)
            )
            lines.append(
                {
                    "step": step,
                    "probe": {
                        "layer": [f"dense_{i}" for i in depth],
                        "activation_mean": (0 * wave).tolist(),
                        "activation_std": wave.tolist(),
                        "saturated": np.clip(0.3 * wave, 0, 1).tolist(),
                        "dead": (0 * wave).tolist(),
                        "gradient_std": (1e-3 * wave[::-1]).tolist(),
                        "gradient_ratio": [*([1.0] * (layers - 1)), None],
                        "weight_gradient_norm": wave.tolist(),
                        "update_ratio": (1e-3 * wave).tolist(),
                    },
                }
            )
        error = float(level + (0.9 - level) * np.exp(-step / 120))
        lines.append(
            {
                "step": step,
                "epoch": step / 50,
                "train_loss": 2.3 * error,
                f"train_{metric}": 0.8 * error,
                "validation_loss": 2.4 * error,
                f"validation_{metric}": error,
            }
        )
    final = {
        f"test_{metric}": level,
        "test_loss": 3 * level,
        f"validation_{metric}": level,
        "validation_loss": 3 * level,
        f"train_{metric}": 0.5 * level,
        "train_loss": level,
        "steps_to_target": None if arm % 5 == 4 else 150 + 20 * arm,
    }
    return lines, ({k: 1.0 if k.endswith("error") else None for k in final} if diverges else final), at


def make(
    root: Path,
    axes: dict[str, list] = AXES,
    seeds: int = 5,
    name: str = "init_activation",
    verdicts: list | None = VERDICTS,
    published: list = PUBLISHED,
    diverging: Callable[[int, int], bool] = lambda arm, seed: arm == 2 and seed < 2,
    finished: Callable[[int, int], bool] = lambda arm, seed: True,
    probe: bool = True,
    evals: int = 15,
    layers: int = 6,
    metric: str = "error",
    further: Callable[[int, int], dict[str, float]] = lambda arm, seed: {},
    **about: Any,
) -> Path:
    """Writes a store below `root`; `further` are final metrics, and `about` replaces parts of study.json."""
    rng, folder, rows = np.random.default_rng(0), root / name, []
    folder.mkdir(parents=True)
    for arm, combo in enumerate(itertools.product(*axes.values())):
        for seed in range(seeds):
            config = BASE | dict(zip(axes, combo)) | {"seed": seed}
            lines, final, at = _trial(rng, arm, metric, diverging(arm, seed), probe, evals, layers)
            if not finished(arm, seed):
                continue
            trial = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()[:16]
            (folder / trial).mkdir()
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / trial / "metrics.jsonl").write_text(text)
            status = "done" if at is None else "diverged"
            final |= {name: value if at is None else None for name, value in further(arm, seed).items()}
            rows.append({"id": trial, **config, "status": status, "diverged_at": at, "seconds": 0.5, **final})
    study = {
        "name": name,
        "question": "Which initialisation suits which activation?",
        "cost": "2 minutes on two cores",
        "base": BASE,
        "axes": axes,
        "seeds": list(range(seeds)),
        "command": f"./launch.sh {name} --seeds={seeds}",
        "published": published,
        "model_choice": "validation",
        "claims_on": "test",
        "dataset": {
            "name": "digits",
            "note": "real 8x8 handwritten digits bundled with scikit-learn",
            "fingerprint": "9a" * 32,
            "train": 1097,
            "validation": 350,
            "test": 350,
            "num_classes": 10,
        },
        "params": {"mlp(depth=5,width=100)": 47910},
        "provenance": PROVENANCE,
        **({} if metric == "error" else {"metric": metric}),  # as studies do not say that are older than others
        **about,
    }
    (folder / "study.json").write_text(json.dumps(study))
    if rows:
        parquet.write_table(pa.Table.from_pylist(rows), folder / "results.parquet")
    if verdicts is not None:
        (folder / "verdicts.json").write_text(json.dumps(verdicts))
    return folder


@pytest.fixture
def make_store(tmp_path: Path) -> Callable[..., Path]:
    """`make` below the test's own folder."""
    return functools.partial(make, tmp_path)


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whole store, only to be read: 12 arms, 5 seeds, 2 runs diverged, a verdict of every kind."""
    return make(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def verdicts() -> list[dict[str, Any]]:
    """A verdict of every kind."""
    return VERDICTS
