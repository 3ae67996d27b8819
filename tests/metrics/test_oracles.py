"""Our numbers against those of other people's packages."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch

from collapse_doctor.metrics.table import measure
from collapse_doctor.summary import EmbeddingSummary

random = np.random.default_rng(0)
CLOUDS = {
    "isotropic": random.normal(size=(400, 48)),
    "power law": random.normal(size=(400, 48)) / np.sqrt(np.arange(1, 49)),
    "rank 3": random.normal(size=(400, 3)) @ random.normal(size=(3, 48)),
    "cone": random.normal(size=(400, 48)) + 3.0,
    "few rows": random.normal(size=(30, 48)),
}


@pytest.mark.parametrize("cloud", CLOUDS)
def test_isoscore_is_that_of_its_authors(cloud):
    package = pytest.importorskip("IsoScore.IsoScore")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = float(package.IsoScore(torch.from_numpy(CLOUDS[cloud])))
    found = measure(EmbeddingSummary.of(torch.from_numpy(CLOUDS[cloud])), ["isoscore"])
    assert found["isoscore"] == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize(("rows", "tolerance"), [(64, 0.15), (256, 0.05), (1024, 0.03)])
def test_the_corrected_participation_ratio_agrees_with_the_distribution_free_one(rows, tolerance):
    """Chun et al. (2025) correct for the rows without assuming a normal distribution."""
    dimensionality = pytest.importorskip("dimensionality")
    cloud = np.random.default_rng(1).normal(size=(rows, 128)) / np.sqrt(np.arange(1, 129))
    wanted = dimensionality.participation_ratio(cloud, return_all=True)["row"]
    found = measure(EmbeddingSummary.of(torch.from_numpy(cloud)), ["participation_ratio"])
    assert found["participation_ratio"] == pytest.approx(wanted, rel=tolerance)
