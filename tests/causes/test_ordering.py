"""The root cause comes first, and after it what follows from it."""

from __future__ import annotations


def test_a_warning_that_explains_an_error_comes_first(finding, order) -> None:
    loss = finding("CD208", 0, severity="warning")
    assert order(finding("CD301", 9), loss) == ["CD208", "CD301"]


def test_an_error_of_its_own_comes_before_a_chain_that_begins_with_a_warning(
    finding, order
) -> None:
    chain = finding("CD208", 0, severity="warning", model="a"), finding("CD301", 9, model="a")
    assert order(*chain, finding("CD402", 30, model="b")) == ["CD402", "CD208", "CD301"]


def test_a_chain_is_told_from_its_root_downwards(finding, order) -> None:
    found = [finding(code, 7) for code in ("CD207", "CD303", "CD301")]
    root = finding("CD503", 0, severity="warning")
    pull = finding("CD208", 0, severity="warning")
    assert order(*found, pull, root) == ["CD503", "CD208", "CD301", "CD207", "CD303"]


def test_earlier_comes_before_surer_and_surer_before_nearer_to_the_data(finding, order) -> None:
    assert order(finding("CD402", 5), finding("CD205", 9, line=3)) == ["CD402", "CD205"]
    sure = finding("CD402", 5, confidence="certain")
    assert order(finding("CD205", 5, line=3), sure) == ["CD402", "CD205"]
    assert order(finding("CD204", 5), finding("CD205", 5), finding("CD106", 5)) == [
        "CD106",
        "CD204",
        "CD205",
    ]


def test_of_two_alike_the_one_that_explains_more_comes_first(finding, order) -> None:
    alone, more = finding("CD101", 0, line=3), finding("CD102", 0, line=9)
    assert order(alone, more, finding("CD105", 0, line=12)) == ["CD101", "CD102", "CD105"]
    behind = finding("CD109", 0, line=12, model="b")
    assert order(alone, behind, finding("CD105", 0, line=12))[0] == "CD109"


def test_a_guess_does_not_stand_above_what_is_known(finding, order) -> None:
    guess = finding("CD208", 0, severity="warning", confidence="low")
    assert order(guess, finding("CD301", 9)) == ["CD301", "CD208"]
    assert order(guess, finding("CD301", 9, confidence="low")) == ["CD208", "CD301"]


def test_what_has_two_causes_comes_after_the_first(finding, order) -> None:
    first, second = finding("CD101", 0, line=3), finding("CD205", 4, line=9)
    assert order(finding("CD207", 9), second, first) == ["CD101", "CD207", "CD205"]


def test_what_is_worth_knowing_comes_last(finding, order) -> None:
    note = finding("CD601", 0, severity="info")
    assert order(note, finding("CD204", 9, severity="warning")) == ["CD204", "CD601"]
