"""Where two causes remain, both are named, with what would tell them apart."""

from __future__ import annotations

from collapse_doctor.causes.edges import EDGES
from collapse_doctor.causes.linking import linked
from collapse_doctor.causes.ordering import arranged
from collapse_doctor.causes.telling import EXAMINE, MOST, TRY, rivals
from collapse_doctor.findings import Finding, Rival, Skipped

LABELS = Skipped("CD503", "degenerate-labels", "no labels were handed over")


def told(*findings: Finding, skipped: tuple[Skipped, ...] = ()) -> list[tuple[str, bool, str]]:
    found = rivals(*arranged(findings, linked(findings)), skipped)
    return [(rival.code, rival.found, rival.test) for rival in found]


def test_a_second_root_of_the_same_collapse_is_named_with_a_try(finding) -> None:
    pull, steps = finding("CD208", 0, severity="warning"), finding("CD204", 2, severity="warning")
    assert told(pull, steps, finding("CD301", 9)) == [("CD204", True, TRY["CD204"])]
    assert told(pull, finding("CD301", 9)) == []
    assert told(pull, finding("CD402", 2, model="other"), finding("CD301", 9)) == []


def test_aliases_share_one_way_to_tell(finding) -> None:
    two = finding("CD102", 0, line=3), finding("CD104", 0, line=9)
    assert told(*two, finding("CD207", 9)) == [("CD104", True, TRY["CD1"])]


def test_a_guess_is_named_beside_what_it_would_explain(finding) -> None:
    guess = finding("CD208", 0, severity="warning", confidence="low")
    findings, links = arranged((guess, finding("CD301", 9)), linked((guess, finding("CD301", 9))))
    assert rivals(findings, links, ()) == (
        Rival(
            "CD208",
            "cd208",
            found=True,
            reason="would explain it, but is not sure",
            test=TRY["CD208"],
        ),
    )


def test_a_symptom_without_a_cause_names_what_was_not_examined(finding) -> None:
    assert told(finding("CD301", 9), skipped=(LABELS,)) == [("CD503", False, EXAMINE["CD503"])]
    assert told(finding("CD101", 0), skipped=(LABELS,)) == [], "a mistake needs no other cause"
    assert (
        told(finding("CD208", 0, severity="warning"), finding("CD301", 9), skipped=(LABELS,)) == []
    )
    told_of = Skipped("CD203", "vanishing-gradient", "too few steps")
    assert told(finding("CD402", 0), skipped=(told_of,)) == [], "which does not lead there"
    partly = finding("CD503", 3, severity="info")
    assert told(finding("CD301", 9), partly, skipped=(LABELS,)) == [], "it was examined in part"


def test_nothing_is_said_where_nothing_alarms(finding) -> None:
    assert told(finding("CD306", 0, severity="info"), skipped=(LABELS,)) == []
    assert told(skipped=(LABELS,)) == []


def test_no_more_are_named_than_anybody_would_try(finding) -> None:
    many = [finding(f"CD10{n}", 0, line=n) for n in range(1, 6)]
    assert len(told(*many, finding("CD207", 9))) == MOST


def test_only_causes_are_told_apart() -> None:
    causes = {edge.cause for edge in EDGES}
    assert set(EXAMINE) <= causes
    assert all(any(cause.startswith(code) for cause in causes) for code in TRY)
