"""CD313: clouds with hubs, and natural ones without."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector, analyze
from collapse_doctor.findings import Severity
from collapse_doctor.measurements import Sample
from collapse_doctor.metrics import nulls
from collapse_doctor.metrics.neighbours import hubs, neighbourhood
from collapse_doctor.rules.cd313_hubness import RULE, Bounds
from collapse_doctor.rules.rule import NotExamined

ROWS = 2048


def cloud(kind: str, width: int, seed: int = 0, rows: int = ROWS) -> np.ndarray:
    random = np.random.default_rng(seed)
    normal = random.normal(size=(rows, width))
    made = {
        "isotropic": lambda: normal,
        "power law": lambda: normal * np.arange(1, width + 1.0) ** -0.5,
        "heavy tails": lambda: random.standard_t(3, size=(rows, width)),
        "clusters": lambda: 2 * random.normal(size=(20, width))[np.arange(rows) % 20] + normal,
        "log-normal": lambda: np.exp(normal),
        "common mean": lambda: normal + 6.0,
    }
    return made[kind]()


def shape(rows: np.ndarray):
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found = hubs(neighbourhood(unit, 10), 10)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "kind", ["isotropic", "power law", "heavy tails", "clusters", "log-normal"]
)
@pytest.mark.parametrize("width", [16, 128, 768])
def test_natural_clouds_stay_below_the_bounds(kind, width) -> None:
    found = shape(cloud(kind, width))
    assert found.skewness < 5.0
    assert found.largest < 0.1


@pytest.mark.parametrize("rows", [256, 2048])
def test_isotropic_directions_in_many_dimensions_read_the_null(rows) -> None:
    found = shape(cloud("isotropic", 256, rows=rows))
    assert found.skewness == pytest.approx(nulls.hubness(rows), abs=0.4)
    assert found.interval[0] < found.skewness < found.interval[1]


def test_a_common_mean_of_six_deviations_makes_hubs_and_is_told_as_info() -> None:
    diagnosis = analyze(torch.from_numpy(cloud("common mean", 768)))
    (found,) = [one for one in diagnosis.findings if one.code == "CD313"]
    assert found.severity is Severity.INFO
    number = found.evidence["hubness"]
    assert number.null == pytest.approx(0.316, abs=0.01)
    assert number.interval is not None
    assert 5.0 < float(number.value) < number.interval[1]
    assert number.interval[0] < float(number.value)
    cone = next(one for one in diagnosis.findings if one.code == "CD306")
    assert "CD313" in cone.explains


def test_a_large_file_says_that_it_used_a_sample_and_how_large() -> None:
    diagnosis = analyze(torch.from_numpy(cloud("common mean", 256, rows=4000)))
    (found,) = [one for one in diagnosis.findings if one.code == "CD313"]
    assert "2,048 rows (a uniform sample)" in found.message
    assert found.evidence["rows"].value == 2048
    assert "4,000" in found.evidence["rows"].meaning


def test_half_of_the_rows_being_one_row_is_no_hub() -> None:
    rows = cloud("isotropic", 64)
    rows[::2] = rows[0]
    found = analyze(torch.from_numpy(rows)).findings
    assert "CD313" not in {one.code for one in found}


def test_too_few_rows_and_no_rows_are_reasons(file_of, training_of, check) -> None:
    with pytest.raises(NotExamined, match="kept"):
        check("CD313", file_of())
    few = Sample(np.random.default_rng(0).normal(size=(100, 64)).astype(np.float32), np.zeros(100))
    with pytest.raises(NotExamined, match="100 distinct rows are too few; 128"):
        check("CD313", file_of(sample=few))
    with pytest.raises(NotExamined, match="no optimizer"):
        check("CD313", training_of(state={"sample": few}, trained=False))


def test_the_bound_on_the_largest_hub_counts_as_well(file_of) -> None:
    """Many small hubs: skewed, and no row that a tenth of all would find."""
    rows = cloud("log-normal", 768).astype(np.float32)
    seen = file_of(sample=Sample(rows, np.zeros(len(rows))))
    assert list(RULE.check(seen, Bounds(skewness=2.0))) == []
    assert len(list(RULE.check(seen, Bounds(skewness=2.0, largest=0.03)))) == 1


def train(offset: float, width: int = 128, steps: int = 40):
    """A training that spreads its rows about a common mean of ``offset``, which stays."""
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(width)
    nn.init.constant_(norm.bias, offset)
    norm.bias.requires_grad_(False)
    model = nn.Sequential(nn.Linear(200, 512), nn.ReLU(), nn.Linear(512, width), norm)
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    with Inspector(model) as inspector:
        for _ in range(steps):
            z = model(torch.randn(256, 200))
            spread = z - z.mean(dim=0)
            unit = F.normalize(spread, dim=1)  # as far apart as may be, whatever the mean is
            loss = (unit @ unit.T).fill_diagonal_(0).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return inspector.diagnose()


def test_a_training_with_a_large_common_mean_has_hubs_in_its_last_steps() -> None:
    found = [one for one in train(6.0, width=512).findings if one.code == "CD313"]
    assert found, "hubs of the common mean"
    assert found[0].severity is Severity.INFO
    assert "of its last steps" in found[0].message


def test_a_training_without_one_has_none() -> None:
    diagnosis = train(0.0)
    assert "CD313" in diagnosis.passed
