"""Lengths of rows against numpy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from collapse_doctor.accumulators.moments import RunningMoments
from collapse_doctor.metrics.norms import norm_max, norm_mean, norm_min, norm_std, share


def test_moments_of_length_are_those_of_numpy():
    lengths = np.random.default_rng(0).gamma(2.0, size=40)
    held = RunningMoments.of(torch.from_numpy(lengths[:, None]))
    assert norm_mean(held) == pytest.approx(lengths.mean())
    assert norm_std(held) == pytest.approx(lengths.std(ddof=1))
    assert (norm_min(held), norm_max(held)) == (lengths.min(), lengths.max())


def test_no_rows_have_no_length_and_one_has_no_spread():
    none, one = RunningMoments.empty(1), RunningMoments.of(torch.ones(1, 1, dtype=torch.float64))
    values = [function(none) for function in (norm_mean, norm_std, norm_min, norm_max)]
    assert np.isnan([*values, norm_std(one)]).all()
    assert norm_mean(one) == 1.0


def test_share_of_nothing_is_undefined():
    assert share(1, 4) == 0.25
    assert math.isnan(share(0, 0))
