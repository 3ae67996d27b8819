"""Bins of lengths."""

from __future__ import annotations

import numpy as np
import torch

from collapse_doctor.accumulators.histogram import LengthHistogram


def test_counts_agree_with_numpy_on_its_own_edges():
    lengths = np.random.default_rng(0).lognormal(size=1000)
    counts, edges = LengthHistogram.of(torch.from_numpy(lengths)).occupied()
    np.testing.assert_array_equal(counts, np.histogram(lengths, bins=edges.numpy())[0])
    assert counts.sum() == 1000
    np.testing.assert_allclose(edges[1:] / edges[:-1], 2 ** (1 / 16))


def test_unit_vectors_share_one_bin_whatever_their_rounding():
    counts, edges = LengthHistogram.of(torch.tensor([1 - 1e-7, 1.0, 1 + 1e-7]).double()).occupied()
    assert counts.tolist() == [3]
    assert edges[0] < 1 < edges[1]


def test_merging_adds_and_extremes_are_kept_at_the_rim():
    held = LengthHistogram.of(torch.tensor([1e-300, 2.0], dtype=torch.float64))
    held.merge(LengthHistogram.of(torch.tensor([2.0, 1e300], dtype=torch.float64)))
    counts, _ = held.occupied()
    assert (int(counts[0]), int(counts.sum()), int(counts[-1])) == (1, 4, 1)
    assert len(LengthHistogram.of(torch.zeros(0, dtype=torch.float64)).occupied()[0]) == 0
