"""How often are verdicts wrong, and how often do they find a planted effect?

    PYTHONPATH=lib python benchmarks/calibration.py

Simulates studies and decides them by the rule behind `judge` (`assay.claims.decide.decide`, here over arrays
of studies; tests/claims/test_calibration.py holds that both agree), looking after every seed from the third.
In an A/A study no arm is better, so every verdict that names one is false. Beside it stands what comes of
looking at a BCa bootstrap interval after every seed. Effects are in standard deviations of the differences.

Writes benchmarks/results/calibration.json; exits with 1 if a target is missed. Under 2 minutes on two cores.
"""

from collections.abc import Callable
import json
import pathlib
import platform
import sys
import time

import numpy as np
import scipy
import tqdm

from assay.claims import decide as rule

ALPHA = 0.05
STUDIES = 20_000
SEEDS = 100
FAMILY = 8
FAMILY_SEEDS = 60
BCA_STUDIES, BCA_SEEDS, BCA_RESAMPLES = 1000, 20, 999
TEST_EXAMPLES = 360  # an error is then a multiple of 1 / 360, as on digits
RESULT = pathlib.Path(__file__).parent / "results" / "calibration.json"

Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Differences N(0, 1)."""
    return rng.standard_normal(shape)


def heavy_tails(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Differences of Student's t with 3 degrees of freedom, sd 1."""
    return rng.standard_t(3, shape) / np.sqrt(3)


def skewed_arms(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Both arms lognormal(0, 1); the difference has sd 1."""
    return (rng.lognormal(size=shape) - rng.lognormal(size=shape)) / np.sqrt(2 * (np.e - 1) * np.e)


def one_skewed_arm(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One arm lognormal(0, 1), the other constant at its mean; sd 1. Not A/A: where the rule ends."""
    return (rng.lognormal(size=shape) - np.sqrt(np.e)) / np.sqrt((np.e - 1) * np.e)


def error_rates(error: float) -> Noise:
    """Both arms' errors on `TEST_EXAMPLES`, binomial around an error that varies from seed to seed."""

    def noise(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
        wrong = rng.binomial(TEST_EXAMPLES, error * np.exp(0.2 * rng.standard_normal((2, *shape))))
        return (wrong[0] - wrong[1]) / TEST_EXAMPLES

    return noise


def rare_misses(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """One arm never errs, the other on one example in every tenth seed: differences 0 or 1 / 360."""
    return (rng.random(shape) < 0.1) / TEST_EXAMPLES


def shared_arm(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Every claim of the family compares another arm with one and the same: differences correlate by 1/2."""
    return (rng.standard_normal(shape) + rng.standard_normal((*shape[:-1], 1))) / np.sqrt(2)


def opposed(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Pairs of claims whose differences are each other's negative."""
    half = rng.standard_normal((*shape[:-1], shape[-1] // 2))
    return np.concatenate([half, -half], axis=-1)


def watch(
    differences: np.ndarray, margin: float, floor: float = 0.0, tick: Callable[[], object] = lambda: None
) -> np.ndarray:
    """The regions decided after every seed from the third, int8 [looks, studies, claims].

    Args:
      differences: float [studies, seeds, claims]; the claims of a study are one family.
      margin: smallest effect of interest.
      floor: least standard deviation of the differences (half the metric's resolution).
      tick: called after every look.
    """
    regions = []
    for n in range(3, differences.shape[1] + 1):
        seen = differences[:, :n]
        spread = np.maximum(seen.std(1, ddof=1), floor)
        regions.append(rule.decide(n, seen.mean(1), spread, margin, ALPHA).region)
        tick()
    return np.stack(regions)


def wrong(regions: np.ndarray, truth: np.ndarray | int) -> dict[str, float]:
    """Share of studies with a false verdict, at any look and at the last; `truth` is a region per claim."""
    false = (regions != rule.OPEN) & (regions != truth)
    return {"any_look": float(false.any((0, 2)).mean()), "last_look": float(false[-1].any(-1).mean())}


def single_claims(rng: np.random.Generator, tick: Callable[[], object]) -> dict[str, dict[str, float]]:
    """False verdicts of studies with one claim; no verdict is right where the true effect is a margin."""
    half_step, rare = 0.5 / TEST_EXAMPLES, 0.1 / TEST_EXAMPLES
    cases: dict[str, tuple[Noise, float, float, float, int]] = {
        # noise, true effect, margin, floor, region that is true
        "A/A normal": (normal, 0.0, 0.0, 0.0, rule.OPEN),
        "A/A heavy tails (t3)": (heavy_tails, 0.0, 0.0, 0.0, rule.OPEN),
        "A/A lognormal arms": (skewed_arms, 0.0, 0.0, 0.0, rule.OPEN),
        "A/A test errors of 3 %": (error_rates(0.03), 0.0, 0.0, half_step, rule.OPEN),
        "A/A test errors of 0.3 %": (error_rates(0.003), 0.0, 0.0, half_step, rule.OPEN),
        "A/A normal, smallest effect 0.5": (normal, 0.0, 0.5, 0.0, rule.INSIDE),
        "effect 0.5 = smallest effect": (normal, 0.5, 0.5, 0.0, rule.OPEN),
        "rare misses, effect = smallest effect": (rare_misses, 0.0, rare, half_step, rule.OPEN),
        "the same without the floor": (rare_misses, 0.0, rare, 0.0, rule.OPEN),
        "one arm lognormal, equal means": (one_skewed_arm, 0.0, 0.0, 0.0, rule.OPEN),
    }
    found = {}
    for name, (noise, effect, margin, floor, truth) in cases.items():
        regions = watch(noise(rng, (STUDIES, SEEDS, 1)) + effect, margin, floor, tick)
        found[name] = wrong(regions, truth) | {"right_at_last": float((regions[-1] == truth).mean())}
        if truth == rule.OPEN:
            del found[name]["right_at_last"]
    return found


def families(rng: np.random.Generator, tick: Callable[[], object]) -> dict[str, dict[str, float]]:
    """False verdicts of studies with several claims under Holm, claims dependent in several ways."""
    none, half, weak = np.zeros(FAMILY), np.repeat([1.0, 0.0], FAMILY // 2), np.linspace(0.05, 0.4, FAMILY)
    at_margin = np.repeat([0.0, 0.8], FAMILY // 2)
    cases: dict[str, tuple[Noise, np.ndarray, float]] = {
        "A/A, independent": (normal, none, 0.0),
        "A/A, one shared arm": (shared_arm, none, 0.0),
        "A/A, opposed pairs": (opposed, none, 0.0),
        "half planted at 1, independent": (normal, half, 0.0),
        "half planted at 1, one shared arm": (shared_arm, half, 0.0),
        "weak effects 0.05 to 0.4, one shared arm": (shared_arm, weak, 0.0),
        "weak effects 0.05 to 0.4, opposed pairs": (opposed, weak, 0.0),
        "half 0, half at the smallest effect 0.8, one shared arm": (shared_arm, at_margin, 0.8),
    }
    found = {}
    for name, (noise, effects, margin) in cases.items():
        regions = watch(noise(rng, (STUDIES, FAMILY_SEEDS, FAMILY)) + effects, margin, 0.0, tick)
        truth = np.select([effects > margin, np.abs(effects) < margin], [rule.BEYOND, rule.INSIDE], rule.OPEN)
        found[name] = wrong(regions, truth)
    return found


def power(rng: np.random.Generator, tick: Callable[[], object]) -> dict[str, dict[str, float]]:
    """Share of planted effects confirmed (smallest effect 0), and the median seed at which they are."""
    found = {}
    for name, noise in (("normal", normal), ("heavy tails (t3)", heavy_tails)):
        for effect in (0.5, 1.0, 1.5, 2.0):
            hit = watch(noise(rng, (STUDIES, SEEDS, 1)) + effect, 0.0, 0.0, tick)[..., 0] == rule.BEYOND
            first = np.where(hit.any(0), hit.argmax(0) + 3, np.iinfo(np.int64).max)
            found[f"{name}, effect {effect:g}"] = {
                "by_20_watched": float((first <= 20).mean()),
                "at_20_one_look": float(hit[20 - 3].mean()),
                "by_100_watched": float((first <= SEEDS).mean()),
                "median_seeds": float(np.median(first)),
            }
    return found


def bca_alone(rng: np.random.Generator, tick: Callable[[], object]) -> dict[str, dict[str, float]]:
    """Share of A/A studies in which a 95 % BCa interval leaves 0 out, at any look and at the last."""
    from scipy import stats

    found = {}
    for name, noise in (("A/A normal", normal), ("A/A heavy tails (t3)", heavy_tails)):
        differences, false = noise(rng, (BCA_STUDIES, BCA_SEEDS)), []
        for n in range(3, BCA_SEEDS + 1):
            interval = stats.bootstrap(
                (differences[:, :n],),
                np.mean,
                axis=-1,
                method="BCa",
                n_resamples=BCA_RESAMPLES,
                batch=100,
                rng=rng,
            ).confidence_interval
            false.append((interval.low > 0) | (interval.high < 0))
            tick()
        found[name] = {"any_look": float(np.any(false, 0).mean()), "last_look": float(false[-1].mean())}
    return found


def targets(result: dict[str, dict[str, dict[str, float]]]) -> dict[str, bool]:
    """The design's two figures, and the same bound for families, held against the result."""
    single = [rate["any_look"] for name, rate in result["one_claim"].items() if name.startswith("A/A")]
    found = result["power"]["normal, effect 1"]["at_20_one_look"]
    several = [rate["any_look"] for rate in result["families"].values()]
    return {
        "A/A: false verdicts in at most 5 % of studies": max(single) <= ALPHA,
        "families of claims: false verdicts in at most 5 %": max(several) <= ALPHA,
        "one sd at 20 seeds: power at least 80 %": found >= 0.8,
    }


def shown(key: str, value: float) -> str:
    """A figure for the terminal: shares in percent, seeds as a count."""
    return f"{key} {value:.0f}" if key == "median_seeds" else f"{key} {100 * value:.1f} %"


def main() -> int:
    started, rng = time.monotonic(), np.random.default_rng(0)
    looks = 10 * (SEEDS - 2) + 8 * (FAMILY_SEEDS - 2) + 8 * (SEEDS - 2) + 2 * (BCA_SEEDS - 2)
    with tqdm.tqdm(total=looks, unit="look", disable=None) as bar:
        parts = {"one_claim": single_claims, "families": families, "power": power, "bca_alone": bca_alone}
        result = {name: part(rng, bar.update) for name, part in parts.items()}
    met = targets(result)
    for name, table in result.items():
        print(f"\n{name}")
        for case, rates in table.items():
            print(f"  {case:58s} {', '.join(shown(key, value) for key, value in rates.items())}")
    print()
    for name, held in met.items():
        print(f"{'met   ' if held else 'MISSED'} {name}")
    versions = {"python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__}
    about = {
        "command": "PYTHONPATH=lib python benchmarks/calibration.py",
        "alpha": ALPHA,
        "studies": STUDIES,
        "seeds": {"one_claim": SEEDS, "families": FAMILY_SEEDS, "bca_alone": BCA_SEEDS},
        "claims_in_a_family": FAMILY,
        "bca": {"studies": BCA_STUDIES, "resamples": BCA_RESAMPLES},
        "versions": versions,
        "seconds": round(time.monotonic() - started, 1),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({**about, "targets": met, **result}, indent=1) + "\n")
    return 0 if all(met.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
