"""CD205 and CD206: what is said of shapes that met, and of work along the batch."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from collapse_doctor.diagnosis import diagnose
from collapse_doctor.recording.observations import (
    AlongBatch,
    CallSite,
    Operand,
    Origin,
    Spread,
)
from collapse_doctor.rules.rule import NotExamined


def site(line: int) -> CallSite:
    return CallSite("train.py", line, "main", f"line {line}")


def spread(
    line: int = 40, rows: int = 8, others: int = 8, reduced: int = 41, **other: Any
) -> Spread:
    sides = Operand("y", (others, 1), "float32", False), Operand("d", (rows,), "float32", True)
    met = Spread(3, 3, "mul", "outer", site(line), sides, (others, rows), site(reduced))
    return msgspec.structs.replace(met, **other)


def along(
    line: int = 50, met: int | None = 51, kind: Any = "normalized", **other: Any
) -> AlongBatch:
    side = Operand("z", (8, 4), "float32", True, Origin("model", "output", 0, 0))
    place = None if met is None else site(met)
    told = AlongBatch(0, 0, "normalize", kind, site(line), side, place, (1.0, 1.0), (0.5, 2.0))
    return msgspec.structs.replace(told, **other)


def test_all_pairs_are_counted_and_the_column_is_named(training_of, check):
    (match,) = check("CD205", training_of(shapes=(spread(),)))
    assert "`y` (8, 1) and `d` (8,) broadcast to (8, 8) in mul" in match.message
    assert match.where.line == 40
    assert [(place.line, place.note) for place in match.related] == [
        (41, "all pairs become one number here")
    ]
    assert match.evidence["pairs"].value == 64
    assert "`y.squeeze(1)` or `y.view(-1)`" in match.remedy


def test_two_terms_of_one_loss_are_one_mistake(training_of, check):
    both = (spread(40, reduced=42), spread(41, reduced=42), spread(60, reduced=61))
    assert [m.where.line for m in check("CD205", training_of(shapes=both))] == [40, 60]


def test_other_numbers_at_the_line_refute_it(training_of, check):
    assert check("CD205", training_of(shapes=(spread(), spread(others=5)))) == []


def test_a_matrix_wants_a_diagonal(training_of, check):
    y, d = Operand("y", (8,), "float32", False), Operand("d", (8, 8), "float32", True)
    (match,) = check("CD205", training_of(shapes=(spread(kind="matrix", operands=(y, d)),)))
    assert "diagonal" in match.remedy
    assert "one label for each pair" in match.cause


@pytest.mark.parametrize(
    ("kind", "said", "remedy"),
    [
        ("normalized", "gives the columns of `z` of shape (8, 4) length 1", "dim=-1"),
        ("everything", "makes all entries of `z` of shape (8, 4) one vector", "dim=-1"),
        ("softmax", "makes the 8 rows of `z` of shape (8, 4) sum to 1", "softmax"),
        ("weights", "the 4 places of each row, but each row is then averaged", "dim=1"),
        ("compared", "makes 4 numbers", "one number for each row"),
    ],
)
def test_each_kind_says_what_is_wrong(training_of, check, kind, said, remedy):
    (match,) = check("CD206", training_of(shapes=(along(kind=kind),)))
    assert said in match.message
    assert remedy in match.remedy
    assert (match.where.model, match.where.line) == ("model", 50)


def test_both_operands_of_one_comparison_are_one_mistake(training_of, check):
    seen = (along(50, 52), along(51, 52), along(60, None, "compared"), along(61, None, "compared"))
    assert [m.where.line for m in check("CD206", training_of(shapes=seen))] == [50, 60, 61]


def test_one_row_is_not_judged(training_of, check):
    one = Operand("z", (1, 4), "float32", True)
    assert check("CD206", training_of(shapes=(along(operand=one),))) == []


@pytest.mark.parametrize("code", ["CD205", "CD206"])
def test_what_was_not_watched_is_not_passed(file_of, training_of, check, code):
    with pytest.raises(NotExamined, match="watch the training"):
        check(code, file_of())
    unseen = {"comparisons": "the step is compiled"}
    with pytest.raises(NotExamined, match="compiled"):
        check(code, training_of(watched_comparisons=False, unseen=unseen))
    assert check(code, training_of()) == []


def test_a_mistake_explains_the_collapse_that_follows(training_of):
    values = {"relative_dispersion": 1e-9, "direction_dispersion": 1e-9, "mean_cosine": 1.0}
    result = diagnose(
        training_of(values, shapes=(spread(), along())), select=["CD205", "CD206", "CD301"]
    )
    assert [f.code for f in result.findings] == ["CD206", "CD301", "CD205"]
    assert all("CD301" in result.findings[place].explains for place in (0, 2))
    assert [rival.code for rival in result.rivals][:1] == ["CD205"], (
        "which of the two, is to be told"
    )


def test_a_default_dimension_is_told_with_both_sizes(training_of, check):
    side = Operand("a", (12, 32, 20), "float32", True, Origin("model", "output", 0, 0))
    one = along(kind="default", met=None, operand=side, function="F.cosine_similarity")
    (match,) = check("CD206", training_of(shapes=(one,)))
    assert "`a` of shape (12, 32, 20) along its default, dimension 1, of size 32" in match.message
    assert "`dim=-1`" in match.remedy
    assert (match.evidence["compared_along"].value, match.evidence["features"].value) == (32, 20)
