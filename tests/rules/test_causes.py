"""What lies behind an alias (CD107, CD108, CD109), and affine copies, on hand-made comparisons."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from collapse_doctor.diagnosis import diagnose
from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.recording.observations import CallSite, Comparison, Relation, Sharing
from collapse_doctor.rules.rule import NotExamined

LINE = CallSite("train.py", 30, "main", "x2 = x1")
CODES = ("CD107", "CD108", "CD109")
SHARED = Sharing("parts", ("model.student", "model.teacher"), "Net", 100, "model", role="copy")


def behind(comparison: Comparison, kind: Any, operation: str = "") -> Comparison:
    """Return a comparison with one more relation, as the Inspector tells what lies behind one."""
    more = Relation(kind, 0, 1, site=LINE, operation=operation)
    return replace(comparison, relations=(*comparison.relations, more))


def called(comparison: Comparison, *names: str) -> Comparison:
    pairs = zip(comparison.operands, names, strict=True)
    return replace(comparison, operands=tuple(replace(o, called=n) for o, n in pairs))


@pytest.mark.parametrize(
    ("code", "kind", "explained"),
    [
        ("CD107", "same-input", "CD104"),
        ("CD108", "one-network", "CD104"),
        ("CD109", "overwritten", "CD104"),
    ],
)
def test_the_cause_comes_first_and_explains(code, kind, explained, training_of, compared) -> None:
    seen = [called(behind(compared("equal", step=s), kind, "copy_"), "f", "g") for s in range(4)]
    diagnosis = diagnose(training_of(comparisons=seen), select=["CD1"])
    assert [finding.code for finding in diagnosis.findings] == [code, explained]
    first = diagnosis.findings[0]
    assert first.explains == (explained,)
    assert (first.where.file, first.where.line, first.where.source) == ("train.py", 30, "x2 = x1")
    assert [(place.line, place.note) for place in first.related] == [
        (38, "the two are compared here")
    ]


def test_views_that_differ_now_and_then_were_left_by_chance(training_of, compared, check) -> None:
    def at(equal: set[int], steps: int) -> list[Any]:
        calls = [
            behind(compared("equal", step=s), "same-input") if s in equal else compared(step=s)
            for s in range(steps)
        ]
        found: list[Any] = check("CD107", training_of(comparisons=calls))
        return found

    assert at({0, 2, 3, 5}, 6) == []
    assert at({4, 5}, 6) == [], "two in a row at the end are a coin's"
    assert len(at(set(range(6)), 6)) == 1
    assert len(at(set(range(4, 12)), 12)) == 1, "switched off at the fourth step"
    assert at({14, 15, 16}, 17) == [], "three are too few, whatever was before"
    assert len(at(set(range(14, 18)), 18)) == 1, "chance would not put all four at the end"
    assert at(set(range(3, 7)), 7) == [], "among seven it would: in one of 35 orders"
    assert at({2, *range(14, 18)}, 18) == [], "one before them: a coin"
    (match,) = at({0}, 1)
    assert match.evidence["steps"].meaning == "of 1 in which the line was seen"


def test_two_outputs_of_one_pass_may_be_a_teacher_at_first(training_of, compared, check) -> None:
    def at(steps: int) -> list[Any]:
        seen = []
        for step in range(steps):
            one = behind(compared("equal", step=step), "same-input")
            left, right = one.operands
            assert right.origin is not None
            other = replace(right, origin=replace(right.origin, layer="output[1]"))
            seen.append(replace(one, operands=(left, other)))
        found: list[Any] = check("CD107", training_of(comparisons=seen))
        return found

    assert at(2) == []
    (match,) = at(3)
    assert "two equal inputs" in match.message


def test_equal_inputs_count_where_all_rows_meet_all(training_of, compared, check) -> None:
    seen = [behind(compared(step=s, paired=False), "same-input") for s in range(3)]
    assert len(check("CD107", training_of(comparisons=seen))) == 1


def test_what_wrote_is_told(training_of, compared, check) -> None:
    def at(operation: str) -> str:
        seen = [behind(compared("shared-storage"), "overwritten", operation)]
        (match,) = check("CD109", training_of(comparisons=seen))
        assert match.confidence is Confidence.CERTAIN
        text: str = match.message + match.cause
        return text

    assert "the forward pass in line 30" in at("forward pass")
    assert "one buffer" in at("forward pass")
    assert "`zero_` in line 30" in at("zero_")
    assert "an assignment to its elements in line 30" in at("__setitem__")


def test_what_a_hook_kept_is_told_by_its_one_name(training_of, compared, check) -> None:
    met = compared(paired=False)
    one = replace(met, operands=(met.operands[0],) * 2, relations=())
    (match,) = check("CD109", training_of(comparisons=[behind(one, "overwritten", "relu_")]))
    assert "after a hook had kept it" in match.message
    assert "`relu_` in line 30" in match.message
    assert "clone()" in match.remedy


def test_structure_that_is_meant_is_silent(training_of, check) -> None:
    assert check("CD108", training_of(shared=(replace(SHARED, meant=True),))) == []
    (match,) = check("CD108", training_of(shared=(SHARED,)))
    assert match.severity is Severity.ERROR
    assert match.where.line is None
    assert "model.student and model.teacher are one network" in match.message
    (match,) = check("CD108", training_of(shared=(replace(SHARED, site=LINE),)))
    assert match.where.line == 30


def test_a_key_encoder_needs_a_side_that_is_cut(training_of, compared, check) -> None:
    key = replace(SHARED, role="key")
    assert check("CD108", training_of(shared=(key,), comparisons=[compared()])) == []
    cut = training_of(shared=(key,), comparisons=[compared(cut=True)])
    (match,) = check("CD108", cut)
    assert match.severity is Severity.WARNING


def test_two_watched_models_are_worse_where_their_outputs_are_equal(
    training_of, compared, check
) -> None:
    pair = Sharing("models", ("text", "image"), "Net", 100, copied=True)
    (match,) = check("CD108", training_of(shared=(pair,)))
    assert match.severity is Severity.WARNING
    assert "shallow copy" in match.message
    towers = ("text", "image")
    met = [compared("equal", step=s, models=towers) for s in range(3)]
    (match,) = check("CD108", training_of(shared=(pair,), comparisons=met))
    assert match.severity is Severity.ERROR
    assert [place.line for place in match.related] == [38]


def test_a_container_is_told_with_its_places(training_of, check) -> None:
    names = tuple(f"model.blocks.{n}" for n in range(3))
    (match,) = check("CD108", training_of(shared=(Sharing("container", names, "Block", 9_000),)))
    assert match.severity is Severity.WARNING
    assert "at 3 places (0, 1, 2)" in match.message
    assert "9,000 parameters" in match.message


@pytest.mark.parametrize("code", CODES)
def test_what_cannot_be_seen_is_said(code, training_of, file_of, check) -> None:
    with pytest.raises(NotExamined, match="a file"):
        check(code, file_of())
    blind = training_of(watched_comparisons=False, unseen={"comparisons": "model is compiled"})
    with pytest.raises(NotExamined, match="model is compiled"):
        check(code, blind)


def test_affine_copies_say_their_factors(training_of, compared, check) -> None:
    def at(low: float, high: float, offset: float = 0.5, **other: Any) -> list[Any]:
        numbers = {"scales": (low, high), "offset": offset, "cosine": 1.0, "difference": 0.7}
        seen = [compared("affine", **numbers, **other)]
        found: list[Any] = check("CD105", training_of(comparisons=seen))
        return found

    (one,) = at(2.0, 2.0 + 1e-7)
    assert "times 2 plus an offset" in one.message
    assert "one for all rows" in one.evidence["smallest_factor"].meaning
    assert one.evidence["correlation"].value == 1.0
    assert "cosine" not in one.evidence
    (each,) = at(0.5, 1.5)
    assert "a factor (0.5 to 1.5) and an offset of its own" in each.message
    (turned,) = at(-2.0, -2.0)
    assert "turned round" in turned.message
    assert "correlation is -1" in turned.message
    assert at(1.0, 1.0, offset=1e-5) == []
    assert at(2.0, 2.0, models=("student", "teacher")) == []


def test_multiples_say_whether_all_rows_have_one_factor(training_of, compared, check) -> None:
    for scales, whose in (((3.0, 3.0), "one for all rows"), ((0.1, 0.4), "each row has its own")):
        seen = [compared("scalar-multiple", scales=scales, scale=1.0, difference=0.5)]
        (match,) = check("CD105", training_of(comparisons=seen))
        assert whose in match.evidence["smallest_factor"].meaning
