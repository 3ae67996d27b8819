"""Moments per class against pandas."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch

from collapse_doctor.accumulators.classes import ClassMoments


def built(rows: torch.Tensor, labels: list, cuts: tuple[int, ...], limit=1000) -> ClassMoments:
    held = ClassMoments.empty(rows.shape[1], limit)
    edges = [0, *cuts, len(rows)]
    for start, stop in itertools.pairwise(edges):
        held.merge(ClassMoments.of(rows[start:stop], labels[start:stop]))
    return held


@pytest.fixture
def rows() -> torch.Tensor:
    return torch.randn(60, 3, generator=torch.Generator().manual_seed(0)).double() + 1e4


@pytest.mark.parametrize("cuts", [(), (1, 2, 30), (59,)])
def test_classes_agree_with_a_group_by(rows, cuts):
    labels = ["abcd"[i] for i in np.random.default_rng(0).integers(0, 4, size=60)]
    held = built(rows, labels, cuts)
    groups = pd.DataFrame(rows.numpy()).groupby(labels)
    order = [str(label) for label in held.labels]
    np.testing.assert_array_equal(held.counts, groups.size()[order])
    np.testing.assert_allclose(held.means, groups.mean().loc[order], rtol=1e-13)
    within = (groups.var() * (groups.size() - 1).to_numpy()[:, None]).sum(axis=1)[order]
    np.testing.assert_allclose(held.squares, within, rtol=1e-8)


def test_within_class_spread_survives_when_it_is_tiny():
    """Neural collapse: 1e-6 within, 1 between."""
    random = np.random.default_rng(0)
    labels = [i % 5 for i in range(200)]
    noise = 1e-6 * random.normal(size=(200, 8))
    rows = torch.from_numpy(random.normal(size=(5, 8))[labels] + noise)
    held = built(rows, labels, (7, 100))
    expected = pd.DataFrame(rows.numpy()).groupby(np.array(labels)).var().sum(axis=1) * 39
    np.testing.assert_allclose(held.squares, expected, rtol=1e-6)


def test_rows_without_a_label_belong_nowhere(rows):
    held = built(rows[:4], [None, 1, math.nan, 1.0], (2,))
    assert held.labels == {1: 0}
    assert held.counts.tolist() == [2]
    assert built(rows[:2], [None, None], ()).labels == {}


def test_too_many_labels_are_identifiers_and_said_to_be(rows):
    held = built(rows, list(range(60)), (30,), limit=59)
    assert held.dropped
    assert not held.labels
    assert "more than 59 different labels" in held.note()
    held.merge(ClassMoments.of(rows, [0] * 60))
    assert not held.labels
    fine = built(rows, list(range(60)), (30,), limit=60)
    assert (fine.dropped, fine.note()) == (False, "")
    fine.merge(held)
    assert fine.dropped
