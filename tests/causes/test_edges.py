"""What must be true of the graph of causes, whichever rules there are."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from collapse_doctor.causes.edges import (
    EDGES,
    Edge,
    When,
    edge_between,
    edges_from,
    edges_to,
)
from collapse_doctor.rules.catalogue import RULES

TO_COME = {
    *("CD305", "CD308", "CD309", "CD310", "CD311", "CD312", "CD313", "CD314"),
    *("CD403", "CD501", "CD502"),
}
"""Codes that the graph knows before a rule finds them."""

CODES = sorted({edge.cause for edge in EDGES})


def test_every_code_is_one_of_the_catalogue() -> None:
    known = {rule.code for rule in RULES} | TO_COME
    assert {code for edge in EDGES for code in (edge.cause, *edge.effects)} <= known


def test_every_edge_stands_in_one_row_and_says_why() -> None:
    pairs = Counter((edge.cause, effect) for edge in EDGES for effect in edge.effects)
    assert [pair for pair, rows in pairs.items() if rows > 1] == []
    assert all(cause != effect for cause, effect in pairs)
    for edge in EDGES:
        assert re.fullmatch(r"[a-z].{15,119}[^.]", edge.reason), edge.reason


def test_the_rows_are_in_the_order_of_their_causes() -> None:
    assert [edge.cause for edge in EDGES] == sorted(edge.cause for edge in EDGES)


def below(code: str, edges: tuple[Edge, ...]) -> set[str]:
    reached, fresh = set[str](), {code}
    while fresh:
        fresh = {e for edge in edges if edge.cause in fresh for e in edge.effects} - reached
        reached |= fresh
    return reached


@pytest.mark.parametrize("code", CODES)
def test_what_goes_one_way_has_no_cycle(code: str) -> None:
    one_way = tuple(edge for edge in EDGES if edge.when is not When.BEFORE)
    assert code not in below(code, one_way)


def test_wiring_comes_before_shape_and_data_before_all() -> None:
    for edge in EDGES:
        for effect in edge.effects:
            assert not (edge.cause.startswith("CD3") and effect.startswith("CD1"))
            assert not effect.startswith("CD5") or effect == "CD502", "equal outputs"
            assert not (edge.cause.startswith(("CD3", "CD4")) and effect in ("CD205", "CD206"))


def test_no_collapse_that_a_network_is_born_with_follows_from_a_loss() -> None:
    for edge in EDGES:
        if edge.cause.startswith(("CD1", "CD20", "CD503")) and edge.cause != "CD204":
            assert edge.when is When.BEFORE or not {"CD301", "CD311"} & set(edge.effects)


def test_rows_are_found_from_both_ends() -> None:
    assert edges_from("CD208")["CD301"] is edges_to("CD301")["CD208"]
    assert edges_from("CD999") == {}


def test_what_a_rule_alone_declares_has_no_reason() -> None:
    bare = edge_between("CD999", "CD301", ("CD301",))
    assert bare == Edge("CD999", ("CD301",), "", When.ANY)
    assert edge_between("CD999", "CD301") is None
    written = edge_between("CD208", "CD301", ("CD301",))
    assert written is not None
    assert written.reason
