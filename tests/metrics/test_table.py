"""Every claim the table of metrics makes is held against data."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from collapse_doctor.errors import UsageError
from collapse_doctor.metrics.metric import Metric
from collapse_doctor.metrics.sample_entries import SAMPLE_METRICS
from collapse_doctor.metrics.table import METRICS, find, measure, null_values
from collapse_doctor.summary import EmbeddingSummary

NAMES = [
    "norm_mean",
    "norm_std",
    "norm_min",
    "norm_max",
    "mean_cosine",
    "relative_dispersion",
    "direction_dispersion",
    "effective_rank",
    "rankme",
    "participation_ratio",
    "stable_rank",
    "top_share",
    "dead_share",
    "zero_share",
    "nonfinite_share",
    "distinct_share",
    "mean_top_share",
    "isoscore",
    "spectral_exponent",
    "spectral_fit",
    "covariance_term",
    "variance_term",
    "uniformity",
    "two_nn",
    "local_dimension",
    "hubness",
]

# how far one draw may lie from the null, relative and absolute, and why
ISOTROPIC = {
    "mean_cosine": (0, 4 * math.sqrt(2 / (500 * 499 * 64))),  # four standard deviations
    "relative_dispersion": (1e-3, 0),
    "direction_dispersion": (1e-3, 0),
    "effective_rank": (5e-3, 0),
    "rankme": (5e-3, 0),
    "participation_ratio": (0.02, 0),
    "stable_rank": (0.1, 0),  # the largest eigenvalue lies below the edge
    "top_share": (0.1, 0),
    "isoscore": (0.02, 0),
    "spectral_exponent": (0.05, 0),
    "covariance_term": (0.05, 0),
    "uniformity": (0, 0.003),
    "hubness": (0, 0.25),  # 0.2 to 0.5 in single draws of a few hundred rows
    "mean_top_share": (0.8, 0),  # the extreme of 64 values, in one draw
}


UNDEFINED_AT_COLLAPSE = ("spectral_exponent", "spectral_fit", "hubness")
SAMPLED = {metric.name for metric in SAMPLE_METRICS}  # their rows are kept as float32


def every_metric(metrics=METRICS):
    return pytest.mark.parametrize("metric", metrics, ids=lambda metric: metric.name)


@pytest.fixture(scope="module")
def isotropic() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(500, 64, generator=generator, dtype=torch.float64)


@pytest.fixture(scope="module")
def uneven() -> torch.Tensor:
    """Rows on which every metric has a value of its own: offset, rank 3 and a bit, one dead …"""
    generator = torch.Generator().manual_seed(1)
    rows = torch.randn(60, 24, generator=generator, dtype=torch.float64)
    rows *= torch.tensor([5.0, 3.0, 2.0] + [0.2] * 21)
    rows += torch.linspace(1, 4, 24)
    rows[:, 23] = 3.0
    rows[7] = rows[8]
    rows[30, 2] = math.nan
    return rows


def value(metric: Metric, rows: torch.Tensor) -> float:
    return measure(EmbeddingSummary.of(rows), [metric.name])[metric.name]


def test_names_are_the_agreed_ones():
    assert sorted(metric.name for metric in METRICS) == sorted(NAMES)


@every_metric()
def test_entries_are_complete(metric):
    low, high = metric.range
    assert low < high
    for text in (metric.title, metric.definition, metric.at_isotropic, metric.small_n):
        assert text.strip()
    assert metric.definition.endswith(".")
    assert re.search(r"definition|analysis|moment|\d{4}", metric.source)


@every_metric([metric for metric in METRICS if metric.null is not None])
def test_isotropic_rows_read_the_null(metric, isotropic):
    null = null_values([metric.name], *isotropic.shape)[metric.name]
    relative, absolute = ISOTROPIC.get(metric.name, (0, 0))
    assert value(metric, isotropic) == pytest.approx(null, rel=relative, abs=absolute)


@every_metric([metric for metric in METRICS if metric.null is None])
def test_values_of_isotropic_rows_without_a_null(metric, isotropic):
    expected = {
        "norm_mean": (8.0, 0.07),
        "norm_std": (math.sqrt(0.5), 0.07),
        "norm_min": (6.0, 0.07),
        "norm_max": (10.2, 0.07),
        "spectral_fit": (0.95, 0.05),
        "variance_term": (0.28 / math.sqrt(500), 0.3),
        "two_nn": (38, 0.1),
        "local_dimension": (28.5, 0.1),
    }
    wanted, error = expected[metric.name]
    assert value(metric, isotropic) == pytest.approx(wanted, rel=error)


@every_metric()
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_value_at_collapse(metric, dtype):
    one = torch.randn(1, 64, generator=torch.Generator().manual_seed(2)).to(dtype)
    found = value(metric, one.expand(300, 64))
    assert metric.range[0] <= found <= metric.range[1] or metric.name in UNDEFINED_AT_COLLAPSE
    if metric.at_collapse is not None:
        floor = 1e-3 if metric.name == "rankme" else 0  # exp(-d ε ln ε)
        assert found == pytest.approx(metric.at_collapse, rel=floor, abs=1e-14)


TURN = torch.linalg.qr(torch.randn(24, 24, generator=torch.Generator().manual_seed(4)).double()).Q
CHANGES = {
    "scale": lambda rows: rows * 3.7,
    "translation": lambda rows: rows + torch.linspace(-2, 1, rows.shape[1]),
    "rotation": lambda rows: rows @ TURN,
    "permutation": lambda rows: rows[
        torch.randperm(60, generator=torch.Generator().manual_seed(3))
    ],
}


@every_metric()
@pytest.mark.parametrize("change", CHANGES)
def test_stated_invariances_hold_and_no_others(metric, change, uneven):
    if metric.name == "zero_share":
        uneven = uneven * (torch.arange(60) % 20 > 0)[:, None]
    before, after = value(metric, uneven), value(metric, CHANGES[change](uneven))
    assert math.isfinite(before)
    # a dead coordinate turned has a singular value of √ε
    rounding = 1e-4 if metric.name in SAMPLED else 1e-7
    assert (after == pytest.approx(before, rel=rounding)) == (change in metric.invariances)


@every_metric()
@pytest.mark.parametrize(
    "rows",
    [
        torch.zeros(0, 4),
        torch.ones(1, 4),
        torch.zeros(5, 4),
        torch.full((3, 4), math.nan),
        torch.tensor([[math.inf, 1.0], [1.0, 1.0]]),
        torch.full((3, 2), 1e300, dtype=torch.float64),
        torch.tensor([[1e150, 0.0], [0.0, 1e150], [1e150, 1e150]], dtype=torch.float64),
        torch.tensor([[1e-38], [3e-38]]),
    ],
    ids=["none", "one", "zeros", "nan", "inf", "too-long", "huge", "tiny"],
)
def test_undefined_values_are_nan_and_never_an_error(metric, rows):
    found = value(metric, rows)
    assert math.isnan(found) or metric.range[0] <= found <= metric.range[1]


def test_zeros_read_as_collapse():
    found = measure(EmbeddingSummary.of(torch.zeros(5, 4)))
    assert found["effective_rank"] == found["participation_ratio"] == 1.0
    assert found["relative_dispersion"] == 0.0
    assert found["zero_share"] == found["dead_share"] == 1.0
    assert math.isnan(found["mean_cosine"])


def test_two_far_points_in_many_dimensions_read_as_healthy_for_their_number():
    rows = torch.randn(2, 768, generator=torch.Generator().manual_seed(0))
    found, null = measure(EmbeddingSummary.of(rows)), null_values(["effective_rank"], 2, 768)
    assert found["effective_rank"] == pytest.approx(null["effective_rank"], rel=1e-3)


def test_measure_takes_names_and_refuses_unknown_ones(isotropic):
    summary = EmbeddingSummary.of(isotropic)
    assert list(measure(summary, ["top_share", "norm_min"])) == ["top_share", "norm_min"]
    with pytest.raises(UsageError, match="Use one of: norm_mean"):
        find("sharpness")


def test_nulls_leave_out_what_has_none():
    assert null_values(["norm_mean", "distinct_share"], 10, 3) == {"distinct_share": 1.0}
    assert null_values(["effective_rank", "participation_ratio"], 1, 3) == {}
    assert null_values(["effective_rank"], 2, 3)["effective_rank"] == pytest.approx(1, abs=0.05)


def _table_rows() -> dict[str, tuple[torch.Tensor, tuple[float, ...]]]:
    """Scenarios with mean cosine, RankMe, effective rank, plain PR, ‖Zc‖/‖Z‖, duplicates."""
    random = np.random.default_rng(0)
    normal, one = random.normal(size=(1000, 128)), random.normal(size=128)
    one *= 1.1 / np.sqrt((one**2).mean())
    signs = random.choice([-1.0, 1.0], size=(1000, 1))
    points = random.normal(size=(10, 128))[np.arange(1000) % 10]
    rank5 = random.normal(size=(1000, 5)) @ np.linalg.qr(random.normal(size=(128, 5)))[0].T
    tenth = normal * (np.arange(128) < 13)
    law = normal / np.sqrt(np.arange(1, 129))
    shrunk = random.uniform(0, 1, size=(1000, 1)) * one
    same = np.tile(one, (1000, 1))
    rows = {
        "healthy": (normal, (0, 126, 126, 113, 0.999, 0)),
        "few rows": (normal[:100], (0, 87, 86, 56.6, 0.995, 0)),
        "power law": (law, (0, 105, 105, 18.6, 1, 0)),
        "full collapse": (same, (1, 1, 1, 1, 0, 0.999)),
        "collapse, 1e-6 noise": (same + 1e-6 * normal, (1, 1, 126, 114, 1e-6, 0)),
        "collapse, 1e-2 noise": (same + 1e-2 * normal, (1, 2.07, 126, 113, 0.009, 0)),
        "cone": (normal + 3.0, (0.901, 74.7, 126, 113, 0.316, 0)),
        "rank 1": (signs * one, (0.004, 1, 1, 1, 0.998, 0.998)),
        "rank 5": (rank5, (0, 4.98, 4.98, 4.85, 0.999, 0)),
        "tenth alive": (tenth, (0, 13, 13, 12.9, 1, 0)),
        "class collapse": (points, (0.098, 9.9, 8.9, 8.1, 0.948, 0.99)),
        "half aliased": (np.tile(normal[:500], (2, 1)), (0.001, 124, 124, 102, 0.999, 0.5)),
        "scalar multiples": (shrunk, (1, 1, 1, 1, 0.5, 0)),
    }
    return {name: (torch.from_numpy(data), wanted) for name, (data, wanted) in rows.items()}


TABLE = _table_rows()


@pytest.mark.parametrize("scenario", TABLE)
def test_the_table_that_decides_the_design(scenario):
    """Which families of failure each measure sees, and which it is blind to."""
    rows, (cosine, rankme, rank, ratio, dispersion, duplicates) = TABLE[scenario]
    summary = EmbeddingSummary.of(rows)
    found = measure(summary)
    spectrum = summary.eigenvalues().numpy()
    assert found["mean_cosine"] == pytest.approx(cosine, abs=0.03)
    assert found["rankme"] == pytest.approx(rankme, rel=0.03)
    assert found["effective_rank"] == pytest.approx(rank, rel=0.03)
    assert spectrum.sum() ** 2 / max((spectrum**2).sum(), 1e-99) == pytest.approx(
        ratio if dispersion else 0, rel=0.05
    )
    assert found["relative_dispersion"] == pytest.approx(dispersion, rel=0.12, abs=1e-12)
    assert 1 - found["distinct_share"] == pytest.approx(duplicates, abs=1e-3)


@pytest.mark.parametrize("scenario", [name for name in TABLE if name != "full collapse"])
def test_ranks_agree_with_a_singular_value_decomposition(scenario):
    rows = TABLE[scenario][0].numpy()
    found = measure(EmbeddingSummary.of(torch.from_numpy(rows)))
    for name, data in (("effective_rank", rows - rows.mean(axis=0)), ("rankme", rows)):
        shares = np.linalg.svd(data, compute_uv=False)
        shares = shares / shares.sum() + (1e-7 if name == "rankme" else 1e-300)
        expected = math.exp(-float((shares * np.log(shares)).sum()))
        assert found[name] == pytest.approx(expected, rel=1e-4)
