"""What must be true of every rule."""

from __future__ import annotations

import dataclasses
import re

import pytest

from collapse_doctor.causes.edges import edges_from
from collapse_doctor.errors import UsageError
from collapse_doctor.rules.catalogue import RULES, choose, find
from collapse_doctor.rules.rule import HEADINGS, Rule

CODES = {
    "CD101": "same-tensor",
    "CD102": "shared-storage",
    "CD103": "detached-copy",
    "CD104": "equal-copy",
    "CD105": "scalar-multiple",
    "CD106": "stale-operand",
    "CD107": "same-input",
    "CD108": "shared-module",
    "CD109": "overwritten-in-place",
    "CD201": "no-gradient",
    "CD202": "frozen-parameters",
    "CD203": "vanishing-gradient",
    "CD204": "exploding-gradient",
    "CD205": "broadcast-mismatch",
    "CD206": "wrong-dimension",
    "CD207": "loss-at-collapse-value",
    "CD208": "no-negatives",
    "CD209": "train-eval-mismatch",
    "CD210": "padding-leak",
    "CD301": "complete-collapse",
    "CD302": "collinear",
    "CD303": "dimensional-collapse",
    "CD304": "dead-dimensions",
    "CD305": "cluster-collapse",
    "CD306": "narrow-cone",
    "CD307": "class-collapse",
    "CD308": "norm-collapse",
    "CD309": "norm-explosion",
    "CD310": "rank-decline",
    "CD311": "depth-collapse",
    "CD312": "modality-gap",
    "CD313": "hubness",
    "CD314": "saturated-activation",
    "CD401": "non-finite",
    "CD402": "zero-vectors",
    "CD403": "low-precision",
    "CD501": "collapsed-input",
    "CD502": "duplicate-rows",
    "CD503": "degenerate-labels",
    "CD601": "too-few-samples",
}

each_rule = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)


def test_codes_and_names_are_the_published_ones() -> None:
    assert {rule.code: rule.name for rule in RULES} == CODES
    assert [rule.code for rule in RULES] == sorted(CODES)


@each_rule
def test_the_page_has_all_headings_in_order_and_filled(rule: Rule) -> None:
    assert tuple(rule.sections) == HEADINGS
    assert all(len(text) > 20 for text in rule.sections.values())


@each_rule
def test_the_title_says_code_name_and_one_sentence(rule: Rule) -> None:
    assert re.fullmatch(rf"{rule.code} {rule.name}: .{{20,}}\.", rule.title)


@each_rule
def test_every_bound_has_its_source_on_the_page(rule: Rule) -> None:
    text = rule.sections["Bounds and their source"]
    for bound in dataclasses.fields(rule.bounds):
        assert re.search(rf"\b{bound.name}: ", text), bound.name


@each_rule
def test_every_bound_on_the_page_is_the_bound_in_force(rule: Rule) -> None:
    text = " ".join(rule.sections["Bounds and their source"].split())
    for bound in dataclasses.fields(rule.bounds):
        value = getattr(rule.bounds, bound.name)
        assert re.search(rf"\b{bound.name}: {value:g}\b", text), (bound.name, value)


@each_rule
def test_pages_fit_a_terminal(rule: Rule) -> None:
    assert max(len(line) for line in rule.page.splitlines()) <= 100


@each_rule
def test_what_a_rule_explains_stands_in_the_graph_with_its_reason(rule: Rule) -> None:
    missing = set(rule.explains) - set(edges_from(rule.code))
    assert not missing, "a row in collapse_doctor/causes/edges.py says why, and when"


@pytest.mark.parametrize("wanted", ["CD301", "cd301", " complete-collapse ", "Complete-Collapse"])
def test_a_rule_is_found_by_code_and_name(wanted: str) -> None:
    assert find(wanted).code == "CD301"


def test_an_unknown_rule_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"colinear.*collinear \(CD302\)"):
        find("colinear")
    with pytest.raises(UsageError, match="collapse-doctor rules"):
        find("xyzzy")


def test_rules_are_chosen_by_prefix_code_and_name() -> None:
    assert choose() == RULES
    assert [rule.code for rule in choose(["CD4", "same-tensor"])] == [
        "CD101",
        "CD401",
        "CD402",
        "CD403",
    ]
    assert [rule.code for rule in choose("cd40", ["zero-vectors"])] == ["CD401", "CD403"]
    assert "CD301" not in {rule.code for rule in choose(ignore=["CD3"])}


@pytest.mark.parametrize("wrong", ["CD999", "C", "", "collapse", "d3"])
def test_what_names_no_rule_is_an_error(wrong: str) -> None:
    with pytest.raises(UsageError):
        choose([wrong])
