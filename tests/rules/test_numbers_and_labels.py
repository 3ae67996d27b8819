"""CD401, CD402 and CD503: numbers that are none, rows of zeros, labels that tell nothing."""

from __future__ import annotations

import msgspec
import pandas as pd
import pytest

from collapse_doctor.findings import Severity
from collapse_doctor.measurements.values import LABEL_COLUMNS
from collapse_doctor.rules.rule import NotExamined


def labels(*entries: tuple[int, int, str], batch: int | None = 32, scalar: bool = False):
    """Return labels from (count, distinct, value), one for each step."""
    rows = [
        (step, count, distinct, batch, value, scalar, ())
        for step, (count, distinct, value) in enumerate(entries)
    ]
    return pd.DataFrame(rows, columns=list(LABEL_COLUMNS))


@pytest.mark.parametrize("code", ["CD401", "CD402"])
def test_healthy_numbers_are_silent(code, file_of, training_of, check) -> None:
    assert check(code, file_of()) == []
    assert check(code, training_of()) == []


def test_the_first_step_and_the_first_layer_with_nan_are_named(
    training_of, file_of, layer_of, check
) -> None:
    sick = {"nonfinite_share": 0.25}
    blocks = [
        layer_of({}, first={}, role="block", layer="stem", depth=0),
        layer_of(sick, first={}, role="block", layer="blocks.1", depth=1),
    ]
    (match,) = check("CD401", training_of(sick, before=blocks))
    assert (match.where.layer, match.where.step) == ("blocks.1", 100)
    assert [place.layer for place in match.related] == ["output"]
    assert match.evidence["nonfinite_share"].value == 0.25
    (match,) = check("CD401", file_of({"nonfinite_share": 1.0}))
    assert "100 % of its rows." in match.message


def test_the_share_is_that_of_the_step_that_is_named(training_of, check) -> None:
    seen = training_of({"nonfinite_share": 1.0})
    first = seen.metrics["metric"].eq("nonfinite_share") & seen.metrics["step"].eq(100)
    seen.metrics.loc[first, "value"] = 1 / 64
    (match,) = check("CD401", seen)
    assert (match.where.step, match.evidence["nonfinite_share"].value) == (100, 1 / 64)
    assert "1.6 % of its rows, which began between steps 90 and 100" in match.message
    assert match.evidence["last_finite"].value == 90


def test_where_every_layer_is_nan_at_once_the_output_is_named(training_of, layer_of, check) -> None:
    sick = {"nonfinite_share": 1.0}
    stem = layer_of(sick, first={}, role="block", layer="stem", depth=0)
    (match,) = check("CD401", training_of(sick, before=[stem]))
    assert (match.where.layer, match.related) == ("output", ())
    assert "the place it began in could not be seen" in match.message
    some = layer_of({"nonfinite_share": 0.5}, first={}, role="block", layer="stem", depth=0)
    (match,) = check("CD401", training_of(sick, before=[some]))  # its weights are finite
    assert match.where.layer == "stem"
    assert "could not be seen" not in match.message


@pytest.mark.parametrize(("bad", "step"), [(95, 95), (90, 100), (100, 100), (250, 100)])
def test_the_loss_narrows_the_step(bad, step, training_of, check) -> None:
    losses = pd.DataFrame({"step": range(300), "value": [1.0] * bad + [None] * (300 - bad)})
    (match,) = check("CD401", training_of({"nonfinite_share": 1.0}, losses=losses))
    assert match.where.step == step
    assert ("no longer finite at step 95" in match.message) == (bad == 95)


def test_nan_that_came_and_went_is_not_forgotten(training_of, check) -> None:
    (match,) = check("CD401", training_of({}, {"nonfinite_share": 0.5}))
    assert match.where.step == 0


def test_a_loss_that_is_no_number_is_found(training_of, check) -> None:
    losses = pd.DataFrame({"step": [0, 1, 2, 3], "value": [1.0, None, float("inf"), 1.0]})
    (match,) = check("CD401", training_of(losses=losses))
    assert match.where.step == 1
    assert match.evidence["steps_affected"].value == 2
    assert check("CD401", training_of(losses=losses[:1])) == []


def test_zero_rows_are_a_warning_and_many_an_error(file_of, training_of, check) -> None:
    assert check("CD402", file_of({"zero_share": 0.001}))[0].severity is Severity.INFO
    assert check("CD402", file_of({"zero_share": 0.01}))[0].severity is Severity.WARNING
    assert check("CD402", file_of({"zero_share": 0.5}))[0].severity is Severity.ERROR
    assert check("CD402", file_of({"zero_share": 1.0}))[0].message.startswith("Every row")
    assert check("CD402", training_of({"zero_share": 0.1}))[0].where.step == 100
    assert check("CD402", training_of({}, {"zero_share": 0.5})) == []  # it is over
    with pytest.raises(NotExamined):
        check("CD402", file_of({"zero_share": float("nan")}))


def test_a_zero_row_now_and_then_is_not_hidden_by_a_median(training_of, check) -> None:
    seen = training_of()
    zero = seen.metrics["metric"].eq("zero_share") & seen.metrics["step"].eq(300)
    seen.metrics.loc[zero, "value"] = 0.25
    assert check("CD402", seen)[0].evidence["zero_share"].value == pytest.approx(0.05)


def test_one_label_for_a_batch_is_an_error(training_of, compared, check) -> None:
    given = labels((1, 1, "3"), (1, 1, "7"), (1, 1, "3"), scalar=True)
    (match,) = check("CD503", training_of(labels=given, comparisons=[compared()]))
    assert match.severity is Severity.ERROR
    assert "one label (3) for a batch of 32 rows" in match.message
    assert match.evidence["steps_affected"].value == 3
    assert match.related[0].line == 38


def test_a_constant_target_is_only_a_warning(training_of, compared, check) -> None:
    given = labels(*[(1, 1, "1")] * 5, scalar=True)
    (match,) = check("CD503", training_of(labels=given, comparisons=[compared()]))
    assert match.severity is Severity.WARNING


@pytest.mark.parametrize(
    ("count", "severity"),
    [(32, None), (16, None), (64, None), (31, "info"), (33, "error"), (0, "info")],
)
def test_labels_must_fit_rows_views_or_pairs(count, severity, training_of, check) -> None:
    found = check("CD503", training_of(labels=labels(*[(count, 5, "")] * 3)))
    assert [match.severity for match in found] == ([severity] if severity else [])


def test_labels_that_never_vary_matter_to_a_pairwise_loss(training_of, compared, check) -> None:
    given = labels(*[(32, 1, "0")] * 3)
    (match,) = check("CD503", training_of(labels=given, comparisons=[compared()]))
    assert "never vary: 0 at all 3 steps" in match.message
    with pytest.raises(NotExamined, match="fewer than 3"):
        check("CD503", training_of(labels=given[:2], comparisons=[compared()]))


def test_sorted_data_matter_to_a_pairwise_loss_and_not_to_a_classifier(
    training_of, compared, check
) -> None:
    given = labels(*[(32, 1, str(step // 10)) for step in range(20)])
    (match,) = check("CD503", training_of(labels=given, comparisons=[compared()]))
    assert "one label each" in match.message
    assert check("CD503", training_of(labels=given)) == []
    with pytest.raises(NotExamined, match="not seen"):
        check("CD503", training_of(labels=given, watched_comparisons=False))
    mixed = labels((32, 1, "0"), *[(32, 4, "")] * 19)
    assert check("CD503", training_of(labels=mixed, comparisons=[compared()])) == []


def test_a_file_of_one_class_is_an_info(file_of, check) -> None:
    (match,) = check("CD503", file_of(labels=labels((512, 1, "cat"), batch=512)))
    assert match.severity is Severity.INFO
    assert check("CD503", file_of(labels=labels((512, 2, ""), batch=512))) == []
    with pytest.raises(NotExamined, match="no labels"):
        check("CD503", file_of())


def test_the_right_number_is_any_that_the_step_gave(training_of, check) -> None:
    """Labels of a sequence, of two passes together, of the unlabelled half left out."""
    given = labels(*[(35, 5, "")] * 3, batch=7)
    assert check("CD503", training_of(labels=given)) == []
    given = labels(*[(36, 5, "")] * 3, batch=7)
    (match,) = check("CD503", training_of(labels=given))
    assert match.severity is Severity.ERROR
    given["sizes"] = [(7, 12, 36)] * 3
    assert check("CD503", training_of(labels=given)) == []


def test_fewer_labels_than_rows_may_be_a_mask(training_of, check) -> None:
    (match,) = check("CD503", training_of(labels=labels(*[(20, 5, "")] * 3)))
    assert match.severity is Severity.INFO


def test_one_label_for_rows_that_nothing_compares_is_no_finding(
    training_of, compared, check
) -> None:
    given = labels((1, 1, "3"), (1, 1, "7"), (1, 1, "3"), scalar=True)
    assert check("CD503", training_of(labels=given)) == []
    apart = msgspec.structs.replace(
        compared(),
        operands=tuple(msgspec.structs.replace(o, origin=None) for o in compared().operands),
    )
    assert check("CD503", training_of(labels=given, comparisons=[apart])) == []
    with pytest.raises(NotExamined, match="unknown"):
        check("CD503", training_of(labels=given, watched_comparisons=False))


def test_a_frequent_label_is_no_sorted_data_set(training_of, compared, check) -> None:
    often = [(3, 1, "0")] * 19 + [(3, 2, "")]
    given = labels(*often, batch=3)
    assert check("CD503", training_of(labels=given, comparisons=[compared()])) == []
