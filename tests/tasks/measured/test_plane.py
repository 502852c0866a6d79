"""Pictures of the plane and how units divide it, on networks whose answer is known."""


import jax.numpy as jnp
import numpy as np
import pytest

from assay.data import load
from assay.models import Output
from assay.spec import SpecError
from assay.tasks import Problem, TASKS
from assay.tasks.measured import plane

XOR = load("xor(n=200)")
AT = plane.square(XOR)


def network(*layers, logits=lambda x: np.stack([-x[:, 0], x[:, 0]], 1)):
    """What `plane.view` gives, for layers that are functions of the points."""

    def seen(train_state, x):
        found = {f"{i:04d}.Activate_{i}": np.asarray(layer(x), float) for i, layer in enumerate(layers)}
        return Output(jnp.asarray(logits(x), jnp.float32), {}, found, found)

    return seen


def quadrants(x):
    return (x[:, 0] * x[:, 1])[:, None]


def oblique(x):
    return x @ np.array([[1.0, 0.3, -2.0], [0.5, 1.0, 1.0]]) + [0.5, -1.0, 2.0]


def disc(x):
    return 4 - np.hypot(x[:, 0], x[:, 1])[:, None]


def test_straight_lines_leave_no_midpoint_on_the_other_side():
    assert plane.nonconvexity(network(oblique), None, XOR, 1) == 0


def test_opposite_quadrants():
    # A pair of one class lies in opposite quadrants half the time; its midpoint is then of any quadrant, equally.
    assert plane.nonconvexity(network(quadrants), None, XOR, 1) == pytest.approx(0.25, abs=0.02)


def test_a_disc_is_convex_and_its_outside_is_not():
    random, found = np.random.RandomState(5), plane.nonconvexity(network(disc), None, XOR, 1)
    a, b = (random.uniform(-AT.side, AT.side, (200_000, 2)) for _ in range(2))
    inside = [np.hypot(*x.T) < 4 for x in (a, b, (a + b) / 2)]
    same = inside[0] == inside[1]
    assert not np.any(inside[0] & inside[1] & ~inside[2])
    assert found == pytest.approx(np.mean(inside[2][same] != inside[0][same]), abs=0.02)


def test_the_layer_is_the_one_asked_for_and_units_are_averaged():
    both = network(oblique, lambda x: np.concatenate([quadrants(x), x], 1))
    assert plane.nonconvexity(both, None, XOR, 1) == 0
    assert plane.nonconvexity(both, None, XOR, 2) == pytest.approx(0.25 / 3, abs=0.01)


def test_a_unit_that_divides_nothing_counts_as_straight():
    assert plane.nonconvexity(network(lambda x: np.ones((len(x), 2))), None, XOR, 1) == 0


def test_pixels_start_top_left():
    corners = AT.pixels().reshape(plane.SIZE, plane.SIZE, 2)[[0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(corners / AT.side, np.array([[-1, 1], [1, 1], [-1, -1], [1, -1]]), atol=0.02)
    assert AT.side > np.abs(XOR.train.x).max()


def test_pictures_show_the_sign_of_units_and_the_class():
    found = plane.pictures(network(lambda x: x, oblique), None, XOR)
    answer, units, bent = found.values()
    assert [p.shape for p in (answer, units, bent)] == [(1, 1, 64, 64, 3), (2, 3, 64, 64, 3), (1, 1, 128, 128, 3)]
    assert all(p.dtype == np.uint8 for p in (answer, units, bent))
    orange, blue = units[0, 0][:, :8].mean((0, 1)), units[0, 0][:, -8:].mean((0, 1))  # the first unit is the abscissa
    assert orange[0] > orange[2] and blue[2] > blue[0]
    assert units[0, 1][0].mean(0)[2] > units[0, 1][0].mean(0)[0]  # the second is the ordinate, positive at the top
    assert (units[0, 2] == plane.EMPTY).all()  # there is no third unit
    empty = answer[0, 0][:2]  # above all points
    assert empty[:, :8].mean((0, 1))[0] > empty[:, :8].mean((0, 1))[2]
    assert empty[:, -8:].mean((0, 1))[2] > empty[:, -8:].mean((0, 1))[0]


def test_without_hidden_layers_there_is_the_answer_alone():
    assert list(plane.pictures(network(), None, XOR)) == ["answer over the plane, with test examples"]


@pytest.mark.parametrize("layer", [lambda x: x[:, :1], lambda x: 0 * x, lambda x: x * np.nan])
def test_degenerate_layers_are_drawn(layer):
    assert len(plane.pictures(network(layer), None, XOR)) == 3


def test_two_units_are_shown_as_they_are():
    image = plane.pictures(network(lambda x: x), None, XOR)["the plane as the last hidden layer sees it"][0, 0]
    dark = np.abs(image.astype(int) - (plane.COLOURS[1] * 0.8).astype(int)).sum(-1) < 9  # class 1: x * y is positive
    row, column = np.nonzero(dark)
    up_right, down_right = (row < 60) & (column > 68), (row > 68) & (column > 68)
    assert up_right.sum() > 20 and down_right.sum() == 0


def test_only_points_of_the_plane():
    assert plane.is_plane(XOR)
    assert not plane.is_plane(load("digits")) and not plane.is_plane(load("markov_text(window=2)"))
    problem = Problem(None, lambda logits, y: None, load("digits"), 1)
    with pytest.raises(SpecError, match="points of the plane"):
        TASKS["unit_regions"]().make(problem)
    with pytest.raises(ValueError, match="from 1"):
        TASKS["unit_regions"](layer=0)
