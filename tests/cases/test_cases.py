"""Every case is run: the sick one must be found out, the cured one must be well."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from collapse_doctor.api import Diagnosis, load
from collapse_doctor.cases import CASES, Case, find_case
from collapse_doctor.cases.case import read
from collapse_doctor.cases.curing import cure_lines, cured
from collapse_doctor.errors import UsageError
from collapse_doctor.findings import Severity, Verdict
from collapse_doctor.rules.catalogue import RULES

NAMES = [case.name for case in CASES]


@functools.cache
def sick(name: str) -> Diagnosis:
    return find_case(name).run()


@pytest.mark.parametrize("name", NAMES)
def test_the_sick_training_is_found_out(name: str) -> None:
    case, diagnosis = find_case(name), sick(name)
    told = {f.code for f in diagnosis.findings if f.severity is not Severity.INFO}
    assert set(case.alarms) <= told, diagnosis
    assert set(case.informs) <= {f.code for f in diagnosis.findings} - told, diagnosis
    assert diagnosis.findings[0].code == case.expects[0], diagnosis


@pytest.mark.parametrize("name", NAMES)
def test_the_cured_training_is_well(name: str) -> None:
    case = find_case(name)
    diagnosis = case.run(cured=True)
    assert diagnosis.verdict is Verdict.HEALTHY, diagnosis
    assert not case.informs & {finding.code for finding in diagnosis.findings}, diagnosis


def test_the_loop_points_at_its_lines() -> None:
    by_code = {finding.code: finding for finding in sick("aliased-loop").findings}
    born = by_code["CD101"]
    assert born.where.step == 0
    source = born.where.source
    assert source == "vector2_tensor = vector1_tensor  # fault"
    met = [place.source or "" for place in born.related]
    assert any(source.startswith("similarity = F.cosine_similarity(") for source in met)
    assert by_code["CD106"].where.source == "vector2_tensor = vector1_tensor.detach()"
    lines = find_case("aliased-loop").path.read_text().splitlines()
    assert lines[(born.where.line or 0) - 1].strip() == source


@pytest.mark.usefixtures("draws_nothing")
def test_a_case_repeats_itself_and_can_be_recorded(tmp_path: Path) -> None:
    again = find_case("aliased-loop").run(out=tmp_path / "run")
    assert again.findings == sick("aliased-loop").findings
    assert load(tmp_path / "run").diagnose().findings == again.findings


def test_each_code_has_two_cases_and_is_a_root_cause_in_one() -> None:
    cases = {rule.code: [c for c in CASES if rule.code in c.expects] for rule in RULES}
    assert {code: len(found) for code, found in cases.items() if len(found) < 2} == {}
    first = {case.expects[0] for case in CASES}
    follows = {"CD207"}  # a loss at such a value always has a cause, which comes first
    assert {rule.code for rule in RULES} - first == follows


def test_names_are_unique_and_easy_to_type() -> None:
    assert len(set(NAMES)) == len(CASES)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in NAMES)
    assert NAMES[0] == "aliased-loop"  # the default demonstration


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_case_says_what_it_is(case: Case) -> None:
    assert len(case.title) <= 92
    assert "Cure: " in case.story.replace("\n", " ")
    assert set(case.expects) <= {rule.code for rule in RULES}


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_cure_is_a_few_lines_that_compile(case: Case) -> None:
    text = case.path.read_text()
    healed = cured(text)
    ast.parse(healed)
    changed = sum(a != b for a, b in zip(text.split("\n"), healed.split("\n"), strict=True))
    assert changed <= 4
    assert changed or "def cured(" in text  # a loop that has to be written anew


def test_cures_replace_add_and_take_away() -> None:
    text = "a = 1  # cure: a = 2\nif a:\n    # cure: a = 3\n    b = a  # cure: -\nc = 0  # fault"
    assert cured(text) == "a = 2\nif a:\n    a = 3\n\nc = 0  # fault"
    assert cure_lines(text) == {1, 4}


def test_a_case_without_a_diagnosis_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nothing.py"
    path.write_text('"""Says nothing of what is wrong."""')
    with pytest.raises(ValueError, match="expect: CODE"):
        read(path)


def test_a_case_may_expect_what_is_told_as_info(tmp_path: Path) -> None:
    path = tmp_path / "classes_to_points.py"
    path.write_text('"""Trains on.\n\nexpect: CD304, CD307 as info\n"""')
    case = read(path)
    assert case.expects == ("CD304", "CD307")
    assert case.alarms == ("CD304",)
    assert case.informs == {"CD307"}
    path.write_text('"""Trains on.\n\nexpect: CD307 as warning\n"""')
    with pytest.raises(ValueError, match="'CODE as info', got 'CD307 as warning'"):
        read(path)


def test_a_case_is_found_by_its_name() -> None:
    assert find_case("aliased-loop") is CASES[0]
    assert find_case("Aliased_Loop ") is CASES[0]


@pytest.mark.parametrize(
    ("name", "near"), [("alias-loop", "aliased-loop"), ("positive-pairs", "positive-pairs-only")]
)
def test_a_slip_is_answered_with_the_nearest_names(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"expected the name of a case, got '{name}'.*{near}"):
        find_case(name)


def test_a_name_like_no_other_is_answered_with_where_to_look() -> None:
    with pytest.raises(UsageError, match="collapse-doctor demo"):
        find_case("qqq")
