"""Every case is run: the sick one must be found out, the cured one must be well."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import numpy as np
import pytest

from collapse_doctor.api import Diagnosis, load
from collapse_doctor.cases import CASES, Case, aliased_loop, find_case
from collapse_doctor.errors import UsageError
from collapse_doctor.findings import Verdict
from collapse_doctor.rules.catalogue import RULES

NAMES = [case.name for case in CASES]


@functools.cache
def sick(name: str) -> Diagnosis:
    return find_case(name).sick()


@functools.cache
def cured(name: str) -> Diagnosis:
    return find_case(name).cured()


def last_rows(diagnosis: Diagnosis) -> np.ndarray:
    """The rows the model put out at the last step, in float64."""
    (output,) = (layer for layer in diagnosis.measurements.layers if layer.role == "output")
    rows: np.ndarray = output.sample.rows[output.sample.steps == output.sample.steps.max()]
    return rows.astype(np.float64)


def mean_cosine(rows: np.ndarray) -> float:
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines: np.ndarray = units @ units.T
    return float(cosines[~np.eye(len(rows), dtype=bool)].mean())


def share_of_rank(rows: np.ndarray) -> float:
    """Effective rank of the centred rows, as a share of the rank they could have."""
    values = np.linalg.svd(rows - rows.mean(0), compute_uv=False)
    shares = values[values > 0] / values.sum()
    rank = np.exp(-(shares * np.log(shares)).sum())
    return float(rank / min(len(rows) - 1, rows.shape[1]))


@pytest.mark.parametrize("name", NAMES)
def test_the_sick_training_is_found_out(name: str) -> None:
    case, diagnosis = find_case(name), sick(name)
    codes = [finding.code for finding in diagnosis.findings]
    assert diagnosis.verdict is Verdict.SICK
    assert codes[0] == case.expects[0]
    assert set(case.expects) <= set(codes)
    assert mean_cosine(last_rows(diagnosis)) > 0.999


@pytest.mark.parametrize("name", NAMES)
def test_the_cured_training_is_well(name: str) -> None:
    diagnosis = cured(name)
    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis
    rows = last_rows(diagnosis)
    assert mean_cosine(rows) < 0.5
    assert share_of_rank(rows) > 0.2


def test_the_loop_points_at_its_lines() -> None:
    by_code = {finding.code: finding for finding in sick("aliased-loop").findings}
    born = by_code["CD101"]
    assert born.where.step == 0
    assert born.where.source == "vector2_tensor = vector1_tensor"
    met = [place.source or "" for place in born.related]
    assert any(source.startswith("similarity = F.cosine_similarity(") for source in met)
    assert by_code["CD106"].where.source == "vector2_tensor = vector1_tensor.detach()"
    lines = Path(aliased_loop.__file__).read_text().splitlines()
    assert lines[(born.where.line or 0) - 1].strip() == born.where.source


@pytest.mark.usefixtures("draws_nothing")
def test_a_case_repeats_itself_and_can_be_recorded(tmp_path: Path) -> None:
    again = CASES[0].run(out=tmp_path / "run")
    assert again.findings == sick(CASES[0].name).findings
    assert load(tmp_path / "run").diagnose().findings == again.findings


def test_names_are_unique_and_easy_to_type() -> None:
    assert len(set(NAMES)) == len(CASES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in NAMES)
    assert NAMES[0] == "aliased-loop"  # the default demonstration


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_case_says_what_it_is(case: Case) -> None:
    assert len(case.title) <= 80
    assert "Cure: " in case.story
    assert set(case.expects) <= {rule.code for rule in RULES}


def test_a_case_is_found_by_its_name() -> None:
    assert find_case("aliased-loop") is CASES[0]
    assert find_case("Aliased_Loop ") is CASES[0]


@pytest.mark.parametrize(
    ("name", "near"), [("alias-loop", "aliased-loop"), ("stop-gradient", "missing-stop-gradient")]
)
def test_a_slip_is_answered_with_the_nearest_names(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"expected the name of a case, got '{name}'.*{near}"):
        find_case(name)


def test_a_name_like_no_other_is_answered_with_all_names() -> None:
    with pytest.raises(UsageError) as caught:
        find_case("qqq")
    assert all(name in str(caught.value) for name in NAMES)
