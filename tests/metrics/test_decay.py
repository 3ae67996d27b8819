"""The exponent of the spectrum's decay, against reptrix and known laws."""

from __future__ import annotations

import numpy as np
import pytest

from collapse_doctor.metrics.decay import PowerLaw, power_law


def fit(spectrum: np.ndarray) -> PowerLaw:
    found = power_law(spectrum)
    assert found is not None
    return found


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_an_exact_law_is_read_exactly(exponent):
    found = fit(np.arange(1, 257.0) ** -exponent)
    assert found.exponent == pytest.approx(exponent, rel=1e-10)
    assert found.r_squared == pytest.approx(1.0)
    assert (found.first, found.last) == (11, 100)


def test_it_agrees_with_reptrix_on_its_range():
    alpha = pytest.importorskip("reptrix.alpha")
    random = np.random.default_rng(0)
    spectrum = np.sort(np.arange(1, 301.0) ** -1.2 * np.exp(0.1 * random.normal(size=300)))[::-1]
    wanted = alpha.get_powerlaw(spectrum, np.arange(10, 100))[0]
    assert fit(spectrum).exponent == pytest.approx(wanted, rel=1e-6)


def test_the_fit_is_the_weighted_least_squares_of_numpy():
    random = np.random.default_rng(1)
    spectrum = np.sort(random.gamma(2.0, size=250))[::-1]
    found = fit(spectrum)
    places = np.arange(11, 101)
    wanted = np.polyfit(np.log(places), np.log(spectrum[10:100]), 1, w=places**-0.5)
    assert found.exponent == pytest.approx(-wanted[0])


def test_a_law_is_told_from_a_step():
    step = np.where(np.arange(200) < 40, 1.0, 1e-6)
    assert fit(step).r_squared < 0.9


def test_short_spectra_move_the_range_and_too_short_ones_are_not_fitted():
    found = fit(np.arange(1, 65.0) ** -1.0)
    assert (found.first, found.last) == (4, 32)
    assert found.exponent == pytest.approx(1.0)
    assert power_law(np.arange(1, 16.0) ** -1.0) is None
    assert power_law(np.zeros(200)) is None
    assert power_law(np.zeros(0)) is None
