"""The six alias rules on hand-made comparisons."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from collapse_doctor.findings import Confidence
from collapse_doctor.recording.observations import CallSite, Comparison
from collapse_doctor.rules.rule import NotExamined

KINDS = {
    "CD101": "same-object",
    "CD102": "shared-storage",
    "CD103": "detached",
    "CD104": "equal",
    "CD105": "scalar-multiple",
    "CD106": "stale",
}
BIRTH = CallSite("train.py", 35, "main", "vector2 = vector1")


@pytest.mark.parametrize("code", KINDS)
def test_each_rule_sees_its_relation_and_no_other(code, training_of, compared, check) -> None:
    for other, kind in KINDS.items():
        seen = training_of(comparisons=[compared(step=0), compared(kind, step=1, age=1)])
        assert len(check(code, seen)) == (code == other)


@pytest.mark.parametrize("code", KINDS)
def test_what_does_not_recur_is_chance_unless_the_code_makes_it(
    code, training_of, compared, check
) -> None:
    once = [compared(KINDS[code], age=1), compared(step=1)]
    assert len(check(code, training_of(comparisons=once))) == (code == "CD101")
    cut = [made_by("detach", compared(KINDS[code], age=1)), compared(step=1)]
    assert len(check(code, training_of(comparisons=cut))) == 1
    picked = [made_by("__getitem__", compared(KINDS[code], age=1)), compared(step=1)]
    assert len(check(code, training_of(comparisons=picked))) == (code == "CD101")


def test_a_drift_that_is_measured_from_its_first_value_is_no_alias(
    training_of, compared, check
) -> None:
    def without_gradient(comparison: Comparison) -> Comparison:
        operands = tuple(replace(o, requires_grad=False) for o in comparison.operands)
        return replace(comparison, operands=operands)

    drift = [without_gradient(compared("same-object")), compared(step=1)]
    assert check("CD101", training_of(comparisons=drift)) == []
    assert len(check("CD101", training_of(comparisons=drift[:1]))) == 1, "it has no other value"
    late = [compared(), without_gradient(compared("same-object", step=1)), compared(step=2)]
    assert len(check("CD101", training_of(comparisons=late))) == 1
    again = [drift[0], *late[1:]]
    assert len(check("CD101", training_of(comparisons=again))) == 1
    loss = [compared("same-object"), compared(step=1)]
    assert len(check("CD101", training_of(comparisons=loss))) == 1


def made_by(operation: str, comparison: Comparison) -> Comparison:
    """Return a comparison whose second operand was made by an operation on the first."""
    left, right = comparison.operands
    assert right.origin is not None
    origin = replace(right.origin, path=(operation,))
    operands = (left, replace(right, origin=origin))
    return replace(comparison, operands=operands)


def test_the_line_to_change_is_where_the_alias_was_made(training_of, compared, check) -> None:
    made = [compared("same-object", births=(BIRTH,)), compared("same-object", step=1)]
    (match,) = check("CD101", training_of(comparisons=made))
    assert (match.where.file, match.where.line, match.where.step) == ("train.py", 35, 0)
    assert (match.where.model, match.where.layer) == ("model", "output")
    assert match.where.source == "vector2 = vector1"
    assert [(place.line, place.note) for place in match.related] == [
        (38, "the two are compared here")
    ]


def test_without_a_birth_it_is_where_the_operands_met(training_of, compared, check) -> None:
    (match,) = check("CD101", training_of(comparisons=[compared("same-object")]))
    assert match.where.line == 38
    assert match.related == ()
    assert match.confidence is Confidence.CERTAIN
    assert "`vector1` and `vector2` are the same tensor object" in match.message
    assert "every similarity is exactly 1" in match.message


def test_one_name_on_both_sides_is_said_so(training_of, compared, check) -> None:
    twice = compared("same-object", names=("z", "z"))
    (match,) = check("CD101", training_of(comparisons=[twice]))
    assert "`z` is compared with itself" in match.message


def test_operands_without_a_name_are_counted(training_of, compared, check) -> None:
    (match,) = check("CD102", training_of(comparisons=[compared("shared-storage", names=("", ""))]))
    assert match.message.startswith("operand 1 and operand 2")


def test_a_site_is_told_once_with_its_counts(training_of, compared, check) -> None:
    calls = [compared("stale", step=s, age=1, cosine=0.5) for s in (5, 2, 9)] + [compared(step=1)]
    elsewhere = compared("stale", step=3, line=50, age=4)
    first, second = check("CD106", training_of(comparisons=[*calls, elsewhere]))
    assert first.where.step == 2
    assert first.evidence["occurrences"].value == 3
    assert first.evidence["occurrences"].meaning == "of 4 calls here"
    assert (first.evidence["first_step"].value, first.evidence["last_step"].value) == (2, 9)
    assert first.evidence["cosine"].value == 0.5
    assert second.where.line == 50
    assert "4 steps before" in second.message


def test_the_stale_and_the_detached_side_are_named(training_of, compared, check) -> None:
    stale = compared("stale", names=("now", "old"), cut=True, age=1)
    assert check("CD106", training_of(comparisons=[stale]))[0].message.startswith("`old` is")
    cut = compared("detached", names=("z", "t"), cut=True)
    message = check("CD103", training_of(comparisons=[cut]))[0].message
    assert message.startswith("`t` is `z` of the same step")


@pytest.mark.parametrize("code", ["CD103", "CD104"])
def test_a_teacher_born_equal_to_its_student_is_silent(code, training_of, compared, check) -> None:
    towers = ("student", "teacher")
    start = [compared(KINDS[code], step=s, models=towers) for s in range(2)]
    moved = [compared(step=s, models=towers) for s in range(2, 40)]
    assert check(code, training_of(comparisons=start + moved)) == []
    assert check(code, training_of(comparisons=start)) == []  # a schedule that begins at rate 0
    often = [compared(KINDS[code], step=s % 2, models=towers) for s in range(30)]
    assert check(code, training_of(comparisons=often)) == []  # two steps, many calls
    long = [compared(KINDS[code], step=s, models=towers) for s in range(30)]
    assert check(code, training_of(comparisons=[*long, compared(step=30, models=towers)])) == []


@pytest.mark.parametrize("code", ["CD103", "CD104"])
def test_a_copy_that_never_leaves_its_student_is_found(code, training_of, compared, check) -> None:
    towers = ("student", "teacher")
    never = [compared(KINDS[code], step=s, models=towers) for s in (0, 1, 8)]
    (match,) = check(code, training_of(comparisons=never))
    assert match.confidence is Confidence.MEDIUM
    assert "two networks" in match.cause.lower()


def test_a_multiple_of_one_is_told_as_equal_rows(training_of, compared, check) -> None:
    close = {"scale": 1.0, "cosine": 1.0, "difference": 2e-7}
    for code, cut in (("CD104", False), ("CD103", True)):
        seen = training_of(comparisons=[compared("scalar-multiple", cut=cut, **close)])
        (match,) = check(code, seen)
        assert "to the rounding of float32" in match.message
        assert check("CD105", seen) == []
    away = training_of(comparisons=[compared("scalar-multiple", **close | {"difference": 1e-6})])
    assert len(check("CD105", away)) == 1
    assert check("CD104", away) == []


@pytest.mark.parametrize("code", ["CD103", "CD104", "CD105"])
def test_a_teacher_within_rounding_of_its_student_is_silent(
    code, training_of, compared, check
) -> None:
    close = {"scale": 1.0, "cosine": 1.0, "difference": 2e-7, "models": ("student", "teacher")}
    seen = [compared("scalar-multiple", step=s, cut=True, **close) for s in range(30)]
    assert check(code, training_of(comparisons=seen)) == []


def test_a_triplet_is_told_which_pair_is_one(training_of, compared, check) -> None:
    pair = compared("same-object", names=("z", "z"))
    triplet = replace(
        pair, function="F.triplet_margin_loss", operands=(*pair.operands, pair.operands[1])
    )
    (match,) = check("CD101", training_of(comparisons=[triplet]))
    assert "the distance between anchor and positive is 0" in match.message
    assert "every distance" not in match.message


def test_an_output_buffer_is_told_from_an_assignment(training_of, compared, check) -> None:
    def at(forwards: tuple[int, ...], **births) -> str:
        seen = [replace(compared("same-object", **births), forward=f) for f in forwards]
        (match,) = check("CD101", training_of(comparisons=seen))
        text: str = match.cause + match.remedy
        return text

    assert "the same buffer twice" in at((1, 3, 5))
    assert ".clone()" in at((1, 3, 5))
    assert "buffer" not in at((0, 1, 2))
    assert "an assignment copies nothing" in at((1, 3, 5), births=(BIRTH,))


def test_single_numbers_have_no_direction_by_their_shape(training_of, compared, check) -> None:
    column = compared("scalar-multiple", width=1, cosine=1.0)
    (match,) = check("CD105", training_of(comparisons=[column]))
    assert "one number in each row (shape (32, 1))" in match.message
    by_value = compared("scalar-multiple", width=1, scale=2.0, difference=0.5)
    assert check("CD105", training_of(comparisons=[by_value])) == []


def test_multiples_need_room_for_directions(training_of, compared, check) -> None:
    flat = compared("scalar-multiple", width=2, scale=2.0)
    assert check("CD105", training_of(comparisons=[flat])) == []
    (match,) = check("CD105", training_of(comparisons=[compared("scalar-multiple", scale=-2.0)]))
    assert "cosine is -1" in match.message


@pytest.mark.parametrize("code", KINDS)
def test_only_row_paired_comparisons_count(code, training_of, compared, check) -> None:
    gram = [compared(KINDS[code], paired=False)] * 3
    with pytest.raises(NotExamined, match="all 3 comparisons seen were of all pairs"):
        check(code, training_of(comparisons=gram))


@pytest.mark.parametrize("code", KINDS)
def test_what_cannot_be_seen_is_said(code, training_of, file_of, check) -> None:
    with pytest.raises(NotExamined, match="a file does not show"):
        check(code, file_of())
    blind = training_of(watched_comparisons=False, unseen={"comparisons": "model is compiled"})
    with pytest.raises(NotExamined, match="model is compiled"):
        check(code, blind)
    with pytest.raises(NotExamined, match="none was seen"):
        check(code, training_of())


@pytest.mark.parametrize("code", KINDS)
def test_what_was_seen_before_watching_ended_counts(code, training_of, compared, check) -> None:
    ended = {"watched_comparisons": False, "unseen": {"comparisons": "not from here on"}}
    cut = [made_by("detach", compared(KINDS[code], age=1)), compared(step=1)]
    assert len(check(code, training_of(comparisons=cut, **ended))) == 1
    with pytest.raises(NotExamined, match="not from here on"):
        check(code, training_of(comparisons=[compared()], **ended))


def test_one_stale_sighting_among_others_that_were_not_is_none(
    training_of, compared, check
) -> None:
    """A sign test tells that rows belong to each other, and misses now and then."""
    stale = [compared("stale", step=s, age=s) for s in (7, 9)]
    tied = [compared(step=s) for s in (3, 4)]
    assert check("CD106", training_of(comparisons=[*tied, stale[0]])) == []
    assert len(check("CD106", training_of(comparisons=[*tied, *stale]))) == 1
    assert len(check("CD106", training_of(comparisons=[*tied[:1], stale[0]]))) == 1
