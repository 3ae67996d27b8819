"""Uniformity against its closed form, and against all pairs written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import hyp0f1

from collapse_doctor.metrics.uniformity import uniform_sphere, uniformity


@pytest.mark.parametrize("width", [2, 8, 32, 128, 768])
@pytest.mark.parametrize("t", [1.0, 2.0])
def test_the_closed_form_is_that_of_the_bessel_function(width, t):
    assert uniform_sphere(width, t) == pytest.approx(-2 * t + math.log(hyp0f1(width / 2, t * t)))


def test_published_values():
    found = [uniform_sphere(width) for width in (2, 8, 32, 128, 768)]
    assert found == pytest.approx([-1.575, -3.083, -3.752, -3.9375, -3.990], abs=6e-4)


@pytest.mark.parametrize("width", [2, 8, 128])
def test_even_directions_read_the_closed_form(width):
    rows = np.random.default_rng(0).normal(size=(1500, width))
    assert uniformity(rows) == pytest.approx(uniform_sphere(width), abs=0.01)


def test_all_pairs_written_out():
    rows = np.random.default_rng(1).normal(size=(700, 5)) + 0.5
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    one, other = np.triu_indices(700, 1)
    wanted = math.log(np.exp(-2 * np.square(unit[one] - unit[other]).sum(1)).mean())
    assert uniformity(rows) == pytest.approx(wanted, rel=1e-10)


def test_collapse_reads_0_and_two_poles_what_half_the_pairs_give():
    assert uniformity(np.ones((20, 4))) == pytest.approx(0.0, abs=1e-12)
    poles = np.repeat([[1.0, 0.0], [-1.0, 0.0]], 10, axis=0)
    assert uniformity(poles) == pytest.approx(math.log((90 + 100 * math.exp(-8)) / 190))


def test_rows_of_length_zero_are_left_out_and_too_few_are_nan():
    assert uniformity(np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])) == pytest.approx(-4.0)
    assert math.isnan(uniformity(np.array([[0.0, 0.0], [1.0, 0.0]])))
