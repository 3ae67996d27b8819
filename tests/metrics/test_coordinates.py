"""Dead coordinates at the edge of the resolution, and rogue ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from collapse_doctor.metrics.coordinates import dead_share, mean_top_share, varying_coordinates

EPS = float(np.finfo(np.float32).eps)


@pytest.mark.parametrize("value", [1.0, 1.5, -3.7, 1e-20, 4096.0])
def test_neighbouring_floats_are_rounding_and_four_steps_are_not(value):
    start = np.float32(value)
    neighbour = np.nextafter(start, np.float32(0))
    assert not varying_coordinates([min(start, neighbour)], [max(start, neighbour)], EPS)[0]
    far = start
    for _ in range(4):
        far = np.nextafter(far, np.float32(np.inf) * np.sign(start))
    assert varying_coordinates([min(start, far)], [max(start, far)], EPS)[0]


def test_every_coordinate_is_held_against_its_own_size():
    low, high = [1000.0, 1e-9, 0.0, 0.0], [1000.00001, 2e-9, 0.0, 1e-30]
    assert varying_coordinates(low, high, EPS).tolist() == [False, True, False, True]
    assert dead_share(low, high, EPS) == 0.5


def test_rogue_coordinates_are_told_from_a_common_cone():
    rogue = np.ones(768)
    rogue[[3, 700]] = 500.0
    assert mean_top_share(rogue) > 0.99
    assert mean_top_share(np.ones(768)) == pytest.approx(3 / 768)
    assert mean_top_share(np.ones(50)) == pytest.approx(1 / 50)
    assert mean_top_share(-rogue * 1e3) == mean_top_share(rogue)


def test_a_mean_of_zero_has_no_shares():
    assert math.isnan(mean_top_share(np.zeros(5)))
