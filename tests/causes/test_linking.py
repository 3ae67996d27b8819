"""Two findings are cause and effect only about one thing, in that order, and so deep."""

from __future__ import annotations

import itertools

import pytest

from collapse_doctor.causes.edges import EDGES
from collapse_doctor.causes.linking import SAME, below, linked
from collapse_doctor.findings import Link, Where


def test_a_collapse_follows_from_a_loss_that_was_there_before(finding, pairs) -> None:
    loss = finding("CD208", 0, line=20, severity="warning")
    assert pairs(loss, finding("CD301", 9)) == {("CD208", "CD301")}
    assert pairs(loss, finding("CD301", 0)) == set(), "born that way"
    assert pairs(loss, finding("CD301")) == {("CD208", "CD301")}, "nobody knows since when"


@pytest.mark.parametrize(
    ("cause", "effect", "follows"),
    [(0, 0, True), (100, 100, True), (100, 60, True), (100, 40, False), (1, 0, True)],
)
def test_an_effect_is_no_older_than_looks_can_tell(finding, pairs, cause, effect, follows) -> None:
    assert bool(pairs(finding("CD205", cause), finding("CD306", effect))) is follows


def test_views_of_one_state_have_no_order(finding, pairs) -> None:
    assert pairs(finding("CD301", 96), finding("CD306", 3)) == {("CD301", "CD306")}


def test_what_came_first_of_two_that_may_follow_from_each_other(finding, pairs) -> None:
    gradient, collapse = ("CD203", "CD301"), ("CD301", "CD203")
    assert pairs(finding("CD203", 0), finding("CD301", 40)) == {gradient}
    assert pairs(finding("CD203", 0), finding("CD301", 1)) == {gradient}, "a step is enough"
    assert pairs(finding("CD203", 40), finding("CD301", 9)) == {collapse}
    assert pairs(finding("CD203", 0), finding("CD301", 0)) == {collapse}
    assert pairs(finding("CD203"), finding("CD301")) == {collapse}, "never in a circle"


def test_units_that_die_later_are_not_why_no_gradient_came(finding, pairs) -> None:
    gradient, rails = ("CD203", "CD314"), ("CD314", "CD203")
    assert pairs(finding("CD203", 0), finding("CD314", 12)) == {gradient}
    assert pairs(finding("CD203", 0), finding("CD314", 0)) == {rails}
    assert pairs(finding("CD203", 12), finding("CD314", 0)) == {rails}


def test_an_alias_and_what_lies_behind_it_share_a_line(finding, pairs) -> None:
    behind = finding("CD107", 0, line=17)
    assert pairs(behind, finding("CD104", 0, line=17)) == {("CD107", "CD104")}
    assert pairs(behind, finding("CD104", 0, line=30)) == set()
    site = Where(file="train.py", line=30)
    assert pairs(finding("CD107", 0, line=17, related=[site]), finding("CD104", 0, line=30))


def test_a_comparison_stops_every_network_that_its_loss_trains(finding, pairs) -> None:
    alias = finding("CD101", 0, line=38, model="text")
    assert pairs(alias, finding("CD201", 0, line=50, model="image")) == {("CD101", "CD201")}


def test_the_shape_of_one_model_says_nothing_of_another(finding, pairs) -> None:
    assert pairs(finding("CD301", 5, model="text"), finding("CD303", 9, model="image")) == set()
    assert pairs(finding("CD301", 5, model=None), finding("CD303", 9, model="image"))


def test_no_layer_is_to_blame_for_one_before_it(finding, pairs) -> None:
    depths = {("model", "block1"): 1, ("model", "block2"): 2}
    first, later = (finding("CD311", 0, layer=name) for name in ("block1", "block2"))
    early, end = finding("CD303", 5, layer="block1"), finding("CD303", 5, layer="output")
    assert pairs(first, early, depths=depths)
    assert not pairs(later, early, depths=depths)
    assert pairs(later, end, depths=depths)
    assert not pairs(finding("CD311", 0, layer="output"), early, depths=depths)


def test_what_is_worth_knowing_causes_no_alarm(finding, pairs) -> None:
    labels = finding("CD503", 0, severity="info")
    assert pairs(labels, finding("CD208", 0, severity="warning")) == set()
    assert pairs(labels, finding("CD307", 9, severity="info")) == {("CD503", "CD307")}


def test_one_fault_at_several_places_is_told_once(finding, pairs) -> None:
    seen = [finding("CD208", 0, line=25, layer=f"output[{n}]") for n in range(3)]
    assert [(link.cause, link.effect, link.reason) for link in linked(seen)] == [
        (0, 1, SAME),
        (0, 2, SAME),
    ]
    assert linked([finding("CD206", 0, line=22), finding("CD206", 0, line=23)]) == ()
    assert linked([finding("CD301", 5), finding("CD301", 9)]) == (Link(0, 1, SAME),)
    assert linked([finding("CD301", 5, model="a"), finding("CD301", 9, model="b")]) == ()
    milder = finding("CD303", 5, severity="warning"), finding("CD303", 5)
    assert linked(milder) == ()


def test_what_has_another_cause_is_no_repetition(finding) -> None:
    links = linked([finding("CD301", 5), finding("CD303", 5), finding("CD303", 9)])
    assert {(link.cause, link.effect) for link in links} == {(0, 1), (0, 2)}


def test_what_a_rule_alone_declares_counts(finding, pairs) -> None:
    own = finding("CD999", 0, line=3, explains=("CD301",))
    assert pairs(own, finding("CD301", 0)) == {("CD999", "CD301")}
    against = finding("CD301", 0, explains=("CD208",))
    assert pairs(finding("CD208", 0), against) == {("CD301", "CD208")}
    assert pairs(finding("CD208", 0), finding("CD301", 9, explains=("CD208",))) == {
        ("CD208", "CD301")
    }, "and never in a circle"


def test_no_findings_at_all_go_in_a_circle(finding) -> None:
    codes = sorted({code for edge in EDGES for code in (edge.cause, *edge.effects)})
    for steps in itertools.product((None, 0, 7), repeat=2):
        found = [finding(code, steps[place % 2]) for place, code in enumerate(codes)]
        links = linked(found)
        for place in range(len(found)):
            after = {link.effect for link in links if link.cause == place}
            assert place not in below(links, after)
