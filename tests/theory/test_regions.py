"""Region counts against brute force on grids, closed forms of arrangements, and the bounds."""

from hypothesis import given, settings, strategies
import jax
import numpy as np
import pytest

from assay import models, theory
from assay.theory import bounds, Layer, regions, segments


def random_network(seed, widths, inputs=2, bias=0.5):
    random = np.random.default_rng(seed)
    fans = [inputs, *widths[:-1]]
    return [
        Layer(random.normal(size=(a, b)) * np.sqrt(2 / a), random.normal(size=b) * bias)
        for a, b in zip(fans, widths)
    ]


def patterns(network, x, slope=0.0):
    """Which units are above zero at x `[B, in]`: bool `[B, units of all layers]`."""
    found = []
    for layer in network:
        z = x @ layer.kernel + layer.bias
        found.append(z > 0)
        x = np.where(z > 0, z, slope * z)
    return np.concatenate(found, axis=1)


@pytest.mark.parametrize("neurons", [1, 2, 5, 9])
def test_one_layer_in_general_position_has_zaslavsky_s_count(neurons):
    network = random_network(neurons, [neurons])
    assert regions.count(network, (-1e3, -1e3), (1e3, 1e3)) == 1 + neurons + neurons * (neurons - 1) // 2
    assert bounds.shallow(2, neurons) == 1 + neurons + neurons * (neurons - 1) // 2


def test_parallel_lines_and_lines_through_one_point():
    parallel = [
        Layer(np.array([[1.0, 1.0, 2.0], [0.0, 0.0, 0.0]]), np.array([0.0, -0.5, 0.0]))
    ]  # two of them are one
    assert regions.count(parallel, (-1, -1), (1, 1)) == 3
    angles = np.pi * np.arange(5) / 5 + 0.1
    star = [Layer(np.stack([np.cos(angles), np.sin(angles)]), np.zeros(5))]
    assert regions.count(star, (-1, -1), (1, 1)) == 10


@settings(max_examples=8, deadline=None)
@given(
    strategies.integers(0, 10**6),
    strategies.sampled_from([(3,), (4, 3), (5, 2, 4)]),
    strategies.sampled_from([0.0, 0.2]),
)
def test_every_polygon_has_one_pattern_and_every_point_its_polygon(seed, widths, slope):
    network = random_network(seed, widths)
    found = regions.polygons(network, (-2, -1), (1, 2), slope)
    assert len(found) == regions.count(network, (-2, -1), (1, 2), slope)
    areas = [_area(corners) for corners in found]
    assert np.isclose(sum(areas), 9.0) and min(areas) > 0  # anticlockwise, and they fill the rectangle
    mixed = np.random.default_rng(seed).dirichlet(np.ones(3), 200)
    for corners, area in zip(found, areas):
        inside = np.concatenate(
            [mix @ corners[[0, i, i + 1]] for i in range(1, len(corners) - 1) for mix in [mixed[:9]]]
        )
        if area > 1e-6:
            assert len(np.unique(patterns(network, inside, slope), axis=0)) == 1
    grid = np.stack(np.meshgrid(np.linspace(-2, 1, 203)[1:-1], np.linspace(-1, 2, 203)[1:-1]), -1).reshape(-1, 2)
    codes = patterns(network, grid, slope) @ 2 ** np.arange(sum(widths))
    assert len(np.unique(codes)) <= len(found) <= bounds.upper(2, widths)


def _area(corners):
    x, y = corners.T
    return 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))


def test_small_networks_have_the_regions_that_a_fine_grid_sees():
    grid = np.stack(np.meshgrid(np.linspace(-3, 3, 601), np.linspace(-3, 3, 601)), -1).reshape(-1, 2)
    for seed in (0, 1):
        network = random_network(seed, [3, 3])
        large = sum(_area(corners) > 0.03 for corners in regions.polygons(network, (-3, -3), (3, 3)))
        times = np.bincount(patterns(network, grid) @ 2 ** np.arange(6))
        assert large == np.sum(times * (6 / 600) ** 2 > 0.03)


@settings(max_examples=10, deadline=None)
@given(
    strategies.integers(0, 10**6),
    strategies.sampled_from([(4,), (4, 4), (3, 3, 3)]),
    strategies.sampled_from([0.0, 0.2]),
)
def test_segments_agree_with_a_dense_grid_and_with_the_regions_they_cross(seed, widths, slope):
    network = random_network(seed, widths)
    start, end = np.array([-2.0, -1.5]), np.array([2.0, 1.0])
    cuts = np.concatenate([[0.0], segments.breakpoints(network, start, end, slope), [1.0]])
    middles = (cuts[1:] + cuts[:-1]) / 2
    found = patterns(network, start + middles[:, None] * (end - start), slope)
    assert np.all(np.any(found[1:] != found[:-1], axis=1))  # every breakpoint is one
    t = np.linspace(0, 1, 4001)
    dense = patterns(network, start + t[:, None] * (end - start), slope)
    changes = t[:-1][np.any(dense[1:] != dense[:-1], axis=1)]
    assert np.all(np.searchsorted(cuts, changes + 1 / 4000) > np.searchsorted(cuts, changes))  # none is missed


@pytest.mark.parametrize(
    "inputs,widths", [(1, (4, 4, 4)), (1, (5, 3)), (1, (7,)), (2, (8, 8)), (2, (5, 4)), (2, (2, 3, 4))]
)
def test_folding_networks_reach_the_lower_bound(inputs, widths):
    network = theory.folding(inputs, widths)
    low, high = np.zeros(inputs), np.ones(inputs)
    found = segments.pieces(network, low, high) if inputs == 1 else regions.count(network, low, high)
    assert found == bounds.montufar(inputs, widths) <= bounds.upper(inputs, widths)


def test_folding_makes_the_zigzag():
    kernel, bias = theory.folding(1, [4, 1])[1]
    x = np.linspace(0, 1, 101)[:, None]
    folded = (theory.hidden(theory.folding(1, [4, 1])[:1], x) @ kernel + bias)[:, 0] + 0.5  # the cut is at 1/2
    assert np.allclose(folded, np.abs((x[:, 0] * 4 + 1) % 2 - 1))


def test_published_bounds():
    assert [bounds.montufar(2, [8] * depth) for depth in range(1, 6)] == [37, 592, 9_472, 151_552, 2_424_832]
    assert [bounds.shallow(2, 8 * depth) for depth in range(1, 6)] == [37, 137, 301, 529, 821]
    assert bounds.pascanu(2, [8, 8, 8]) == 4 * 4 * 37
    assert bounds.upper(1, [3, 3]) == 16
    assert bounds.upper(2, [1, 3]) == 2 * 4  # one unit leaves one dimension
    assert bounds.at_initialisation(2, 16) == 128


def test_layers_of_a_built_network():
    model = models.build(
        "mlp(depth=2,width=5)", activation="relu", init="meanfield(sigma_w2=2,sigma_b2=1)", norm="none", outputs=3
    )
    params, state = model.init(jax.random.key(0), jax.numpy.zeros((1, 2)))
    *of, readout = theory.layers(params)
    x = np.random.default_rng(0).normal(size=(7, 2))
    logits = model.apply(params, state, jax.numpy.asarray(x, "float32"), key=None, train=False)[0].logits
    assert np.allclose(theory.hidden(of, x) @ readout.kernel + readout.bias, logits, atol=1e-5)
    again = theory.layers(theory.params(of, readout))
    assert all(np.array_equal(a, b) for old, new in zip([*of, readout], again) for a, b in zip(old, new))


def test_what_is_no_network_or_rectangle_is_refused():
    with pytest.raises(ValueError, match="dense layers of an mlp, Dense_0, .* not Conv_0"):
        theory.layers({"Conv_0": {}})
    with pytest.raises(ValueError, match="two inputs"):
        regions.count(random_network(0, [3], inputs=3), (0, 0), (1, 1))
    with pytest.raises(ValueError, match="is empty"):
        regions.count(random_network(0, [3]), (0, 0), (0, 1))
    with pytest.raises(ValueError, match="1 or 2 inputs, not 3"):
        theory.folding(3, [4])
    with pytest.raises(ValueError, match="at least 2 wide, not \\(1, 4\\)"):
        theory.folding(2, [1, 4])
    with pytest.raises(ValueError, match="at least 1, not 0"):
        bounds.shallow(0, 3)
