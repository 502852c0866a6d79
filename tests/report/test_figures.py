from collections.abc import Callable
from pathlib import Path
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from assay import report
from assay.report import traces, verdicts
from assay.report.arms import Arm


@pytest.mark.parametrize(
    "axes",
    [
        {"activation": ["tanh", "relu"], "init": ["glorot_uniform", "he_normal"]},
        {"lr": [0.1, 0.2, 0.4]},
        {"lr": [0.1]},
    ],
)
def test_the_picture_is_an_svg_850_pixels_wide(make_store: Callable[..., Path], axes: dict):
    path = report.picture(make_store(axes=axes, seeds=3, published=[]))
    root = ElementTree.parse(path).getroot()
    assert path.name == "picture.svg" and root.get("width") == "850px"
    assert not root.findall(".//{*}image") and not root.findall(".//{*}text")  # outlines only


def test_long_names_leave_room_for_the_picture(make_store: Callable[..., Path]):
    long = ["a" * 300, "resnet(" + ",".join(f"argument{i}={i}" for i in range(20)) + ")"]
    for axes in ({"model": long}, {"model": long, "init": [str(i) + "b" * 80 for i in range(3)]}):
        folder = make_store(axes=axes, seeds=2, name=f"of{len(axes)}", published=[], verdicts=[])
        report.picture(folder)
        report.write(folder)


def test_a_picture_needs_trials(make_store: Callable[..., Path]):
    with pytest.raises(report.ReportError, match="nothing to draw yet"):
        report.picture(make_store(finished=lambda arm, seed: False))


def places(svg: str) -> tuple[float, float, float]:
    low, high = re.search(r'M([\d.]+) 22H([\d.]+)" stroke="var\(--ink\)"', svg).groups()
    return float(low), float(re.search(r'<circle cx="([\d.]+)"', svg).group(1)), float(high)


def test_the_interval_is_drawn_to_scale(verdicts_of: Callable[..., dict]):
    low, middle, high = places(
        verdicts.interval_plot(verdicts_of(effect=0.006, interval=[0.004, 0.008], smallest=0.002))
    )
    assert 160 < low < middle < high and (high - 160) / (low - 160) == pytest.approx(2, abs=0.01)


def test_ratios_are_drawn_by_their_logarithm(verdicts_of: Callable[..., dict]):
    svg = verdicts.interval_plot(verdicts_of(effect=1.0, interval=[0.5, 2.0], smallest=1.5, scale="ratio"))
    low, middle, high = places(svg)
    assert middle == 160 and high - 160 == pytest.approx(160 - low)


def test_what_has_no_bound_ends_in_an_arrow_at_the_rim(verdicts_of: Callable[..., dict]):
    svg = verdicts.interval_plot(verdicts_of(effect=0.006, interval=[0.004, None], smallest=0.002))
    assert places(svg)[2] == 310 and "M304.0 17L310.0 22L304.0 27" in svg
    assert verdicts.interval_plot(verdicts_of(effect=None, interval=[None, None])) == ""


@pytest.fixture
def verdicts_of() -> Callable[..., dict]:
    return lambda **given: {"metric": "test_error", "scale": "difference", "smallest": 0.0, **given}


def test_the_band_is_the_quantiles_of_what_is_finite():
    values = np.array([[1.0, np.nan, np.nan], [3.0, 2.0, np.nan], [2.0, np.inf, np.nan]])
    median, low, high = traces.middle(values)
    assert median[:2].tolist() == [2.0, 2.0] and np.isnan(median[2])
    assert (low[0], high[0]) == pytest.approx((1.2, 2.8)) and low[1] == high[1] == 2.0


def test_a_diverged_runs_first_probe_does_not_stand_in_for_its_last(make_store: Callable[..., Path]):
    folder = make_store(
        axes={"activation": ["relu"]}, seeds=3, diverging=lambda arm, seed: seed == 0, published=[]
    )
    found = traces.read(folder, arm_of(folder), ["train_loss"])
    first, last = found.probes["activation_std"]
    assert first.shape == (3, 6) and last.shape == (2, 6)
    assert found.layers == [f"dense_{i}" for i in range(6)]
    assert np.isnan(found.curves["train_loss"][:, -1]).sum() == 1


def arm_of(folder: Path) -> Arm:
    from assay.report import store

    [arm] = store.read(folder).arms
    return arm
