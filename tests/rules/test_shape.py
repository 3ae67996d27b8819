"""CD302, CD303, CD304, CD306 and CD601: lines, lost ranks, dead coordinates and cones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec import structs

from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.measurements import Sample
from collapse_doctor.metrics.nulls import effective_rank
from collapse_doctor.rules.cd601_too_few_samples import rows_needed
from collapse_doctor.rules.groups import within_groups
from collapse_doctor.rules.rule import NotExamined

LINE = {"top_share": 0.995, "effective_rank": 1.4}
FLAT = {"effective_rank": 4.0, "top_share": 0.4}
FLATTER = {"effective_rank": 2.5, "top_share": 0.6}
CONE = {"mean_cosine": 0.9, "direction_dispersion": 0.316, "relative_dispersion": 0.316}


def cloud(rank: int, rows: int = 300) -> Sample:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((rows, rank)) @ rng.standard_normal((rank, 64))
    return Sample(values.astype(np.float32), np.zeros(rows, dtype=np.int64))


def groups(count: int, noise: float = 0.1, rows: int = 300) -> Sample:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((count, 64))
    values = centres[np.arange(rows) % count] + noise * rng.standard_normal((rows, 64))
    return Sample(values.astype(np.float32), np.zeros(rows, dtype=np.int64))


@pytest.mark.parametrize("code", ["CD302", "CD303", "CD304", "CD306", "CD601"])
def test_healthy_files_and_trainings_are_silent(code, file_of, training_of, check) -> None:
    assert check(code, file_of()) == []
    assert check(code, training_of()) == []


def test_a_line_is_found(file_of, training_of, check) -> None:
    (match,) = check("CD302", file_of(LINE))
    assert match.evidence["top_share"].value == 0.995
    assert check("CD302", file_of({"top_share": 0.989})) == []
    (match,) = check("CD302", training_of(LINE))
    assert (match.severity, match.where.step) == (Severity.ERROR, 100)
    assert check("CD302", training_of(LINE, trained=False))[0].severity is Severity.WARNING


def test_a_line_must_have_become_one_or_be_exact(training_of, check) -> None:
    with pytest.raises(NotExamined, match="first step already"):
        check("CD302", training_of(LINE, {"top_share": 0.98}))
    exact = {"top_share": 1.0, "effective_rank": 1.0}
    assert len(check("CD302", training_of(exact, exact))) == 1


def test_a_line_at_the_start_of_learning_is_waited_for(training_of, check) -> None:
    seen = training_of(LINE)
    early = replace(seen, metrics=seen.metrics[seen.metrics["step"] <= 190])
    with pytest.raises(NotExamined, match="only at step 100"):
        check("CD302", early)
    settled = replace(seen, metrics=seen.metrics[seen.metrics["step"] <= 200])
    assert len(check("CD302", settled)) == 1


@pytest.mark.parametrize(("size", "why"), [({"width": 2}, "2 dim"), ({"count": 7}, "8 would do")])
def test_what_is_too_small_for_a_line_is_not_examined(size, why, file_of, check) -> None:
    with pytest.raises(NotExamined, match=why):
        check("CD302", file_of(LINE, **size))


def test_eight_points_in_space_are_no_line() -> None:
    points = np.random.default_rng(0).standard_normal((20_000, 8, 3))
    points -= points.mean(axis=1, keepdims=True)
    values = np.linalg.eigvalsh(points.transpose(0, 2, 1) @ points)
    assert (values[:, -1] / values.sum(axis=1)).max() < 0.99


def test_lost_dimensions_are_counted(file_of, training_of, check) -> None:
    (match,) = check("CD303", file_of(FLAT))
    assert match.severity is Severity.WARNING
    assert "About 4.0 of the 64 dimensions of the embeddings" in match.message
    assert match.evidence["rank_ratio"].value == pytest.approx(4 / 61)
    assert check("CD303", file_of(FLATTER))[0].severity is Severity.ERROR
    (match,) = check("CD303", training_of(FLATTER))
    assert (match.severity, match.where.step) == (Severity.ERROR, 100)
    assert check("CD303", training_of(FLATTER, trained=False))[0].severity is Severity.INFO


def test_a_rank_that_was_born_low_or_just_dipped_is_no_collapse(training_of, check) -> None:
    with pytest.raises(NotExamined, match="hardly higher at the first step"):
        check("CD303", training_of(FLAT, {"effective_rank": 11.0}))
    late = training_of(FLAT)
    early = late.metrics[late.metrics["step"] <= 150]  # 50 steps after it fell
    with pytest.raises(NotExamined, match="fell only at step 100"):
        check("CD303", training_of(FLAT, metrics=early))


def test_tight_groups_excuse_a_low_rank_and_a_flat_cloud_does_not(file_of, check) -> None:
    five = {"effective_rank": 5.0}
    known = classes_seen(6)
    with pytest.raises(NotExamined, match="neural collapse"):
        check("CD303", file_of(five, sample=groups(6), labels=known))
    assert len(check("CD303", file_of(five, sample=cloud(5), labels=known))) == 1
    repeated = five | {"distinct_share": 0.02}
    assert len(check("CD303", file_of(repeated, sample=groups(6, noise=0.0)))) == 1
    with pytest.raises(NotExamined, match="neural collapse"):
        check("CD302", file_of(LINE, sample=groups(2, noise=0.01), labels=classes_seen(2)))


def classes_seen(distinct: int) -> pd.DataFrame:
    columns = {"step": [0], "count": [64], "distinct": [distinct], "batch": [64]}
    return pd.DataFrame(columns | {"value": [""], "scalar": [False]})


@pytest.mark.parametrize(
    ("code", "values", "count"), [("CD302", LINE, 2), ("CD303", {"effective_rank": 5.0}, 6)]
)
def test_tight_groups_of_nobody_knows_what_are_an_info(
    code, values, count, file_of, training_of, check
) -> None:
    sample = groups(count, noise=0.01)
    (match,) = check(code, file_of(values, sample=sample))
    assert (match.severity, match.confidence) == (Severity.INFO, Confidence.LOW)
    assert "few tight groups" in match.message
    assert "labels" in match.remedy
    assert check(code, file_of(values, sample=cloud(count - 1)))[0].severity is not Severity.INFO
    with pytest.raises(NotExamined):  # a head needs more than that: classes are known
        check(code, training_of(values, state={"sample": sample, "dimensions": 40}))


def test_groups_are_no_excuse_for_what_is_lost_exactly(training_of, check) -> None:
    state = {"sample": groups(6)}
    low = {"effective_rank": 5.0}
    assert check("CD303", training_of(low, state=state))[0].severity is Severity.INFO
    (match,) = check("CD303", training_of(low, state=state | {"exact_rank": 8}))
    assert match.severity is Severity.WARNING
    assert check("CD303", training_of(low, state=state | {"exact_rank": 62}))[0].severity == "info"


def test_a_bottleneck_between_watched_layers_needs_no_history(
    training_of, layer_of, compared, check
) -> None:
    two = {"effective_rank": 2.0, "top_share": 0.6}
    wide = layer_of({"effective_rank": 30.0}, first={}, role="block", layer="0", depth=0)
    narrow = layer_of(two, first=two, role="block", layer="2", depth=1, width=2)
    state = {"exact_rank": 2}
    seen = {"before": [wide, narrow], "comparisons": [compared()], "state": state}
    (match,) = check("CD303", training_of(two, two, **seen))
    assert match.severity is Severity.WARNING
    assert "span 2 dimensions exactly" in match.cause
    assert "model.2 is 2 wide" in match.cause
    assert match.related[0].layer == "2"
    decoder = structs.replace(compared().operands[1], origin=None)
    given = structs.replace(compared(), operands=(compared().operands[0], decoder))
    without = ({"comparisons": [given]}, {"before": [narrow]}, {"state": {"exact_rank": None}})
    for missing in without:  # a decoder; data of few dimensions; a cloud that is only flat
        with pytest.raises(NotExamined, match="hardly higher at the first step"):
            check("CD303", training_of(two, two, **seen | missing))
    with pytest.raises(NotExamined, match="no more than 2 dimensions"):
        check("CD303", training_of(two, two, **seen | {"state": state | {"dimensions": 2}}))


def test_half_precision_cannot_tell_an_exact_line(training_of, check) -> None:
    exact = {"top_share": 1.0, "effective_rank": 1.0}
    with pytest.raises(NotExamined, match="first step already"):
        check("CD302", training_of(exact, exact, state={"dtype": "bfloat16"}))


def test_labels_decide_where_there_are_labels(file_of, check) -> None:
    classes = pd.DataFrame({"label": range(6), "count": [85] * 6, "within": [0.0] * 6})
    total = 64.0  # eigenvalues are all one
    tight = classes.assign(within=0.1 * total)
    with pytest.raises(NotExamined, match="of its 6 classes"):
        check("CD303", file_of(FLAT, classes=tight, sample=cloud(5)))
    loose = classes.assign(within=0.5 * total)
    assert len(check("CD303", file_of(FLAT, classes=loose))) == 1
    many = pd.DataFrame({"label": range(50), "count": [10] * 50, "within": [0.1 * total] * 50})
    assert len(check("CD303", file_of(FLAT, classes=many))) == 1  # 4 of 49 dimensions


def test_the_number_of_classes_decides_where_no_rows_were_kept(training_of, check) -> None:
    with pytest.raises(NotExamined, match="of the 6 classes of the labels"):
        check("CD303", training_of(FLAT, labels=classes_seen(6)))
    assert len(check("CD303", training_of(FLAT, labels=classes_seen(40)))) == 1


@pytest.mark.parametrize("rank", [1, 2, 5, 12])
def test_the_gap_statistic_is_one_for_a_cloud_and_small_for_groups(rank: int) -> None:
    flat, tight = cloud(rank), groups(rank + 1)
    assert 0.8 < (within_groups(flat.rows, flat.steps, rank) or 0) < 1.25
    assert (within_groups(tight.rows, tight.steps, rank) or 1) < 0.3
    assert within_groups(flat.rows[:5], flat.steps[:5], rank) is None


def test_few_rows_may_show_a_collapse_but_never_health(file_of, check) -> None:
    assert len(check("CD303", file_of(FLAT, count=20))) == 1
    with pytest.raises(NotExamined, match="36 would do"):
        check("CD303", file_of(count=20))
    tiny = {"count": 8, "width": 768, "nulls": {"effective_rank": 7.0}}
    with pytest.raises(NotExamined, match="420 would do"):
        check("CD303", file_of({"effective_rank": 6.9}, **tiny))
    with pytest.raises(NotExamined, match="width 10"):
        check("CD303", file_of(width=10))


@pytest.mark.parametrize("width", [11, 64, 128, 768])
def test_rows_needed_is_the_fewest_that_separate_the_two_bounds(width: int) -> None:
    needed = rows_needed(width)
    assert 0.05 * width <= 0.1 * effective_rank(needed - 1, width)
    assert 0.05 * width > 0.1 * effective_rank(needed - 2, width)


def test_too_few_rows_are_said(file_of, check) -> None:
    (match,) = check("CD601", file_of(count=35))
    assert "36 would do" in match.message
    assert match.evidence["rows"].bound == 36
    assert check("CD601", file_of(count=36)) == []
    with pytest.raises(NotExamined, match="width 3"):
        check("CD601", file_of(width=3))


def test_dead_coordinates_are_counted(file_of, training_of, check) -> None:
    (match,) = check("CD304", file_of({"dead_share": 0.25}))
    assert "16 of the 64 coordinates" in match.message
    assert check("CD304", file_of({"dead_share": 0.09})) == []
    with pytest.raises(NotExamined, match="32 would do"):
        check("CD304", file_of({"dead_share": 0.5}, count=31))
    assert check("CD304", training_of({"dead_share": 0.6}))[0].where.step == 100
    with pytest.raises(NotExamined, match="dead at the first step"):
        check("CD304", training_of({"dead_share": 0.55}, {"dead_share": 0.39}))
    unmoved = training_of({"dead_share": 0.5}, trained=False)
    assert check("CD304", unmoved)[0].severity is Severity.INFO


def test_a_cone_is_a_warning_and_rogue_coordinates_are_an_info(file_of, check) -> None:
    (match,) = check("CD306", file_of(CONE))
    assert match.evidence["mean_cosine"].value == 0.9
    assert match.severity is Severity.WARNING
    rogue = check("CD306", file_of(CONE | {"mean_top_share": 0.8}))[0]
    assert rogue.severity is Severity.INFO
    assert "not a bug" in rogue.cause
    uniform = CONE | {"mean_cosine": 0.75}  # coordinates uniform in [0, 1]
    assert check("CD306", file_of(uniform)) == []


def test_a_cone_must_have_narrowed_in_training(training_of, check) -> None:
    assert check("CD306", training_of(CONE))[0].severity is Severity.INFO
    (match,) = check("CD306", training_of(CONE, state={"directed": True}))
    assert match.severity is Severity.WARNING
    assert "rose from 0.00 to 0.90" in match.cause
    assert "pushes apart" in match.remedy
    assert "ubtract the mean" not in match.remedy
    with pytest.raises(NotExamined, match="born in this cone"):
        check("CD306", training_of(CONE, {"mean_cosine": 0.7}))
    with pytest.raises(NotExamined, match="no optimizer stepped"):
        check("CD306", training_of(CONE, trained=False))


def test_cosines_that_are_one_are_said_to_be(file_of, check) -> None:
    ray = {"mean_cosine": 0.9999, "direction_dispersion": 0.01, "relative_dispersion": 0.3}
    (match,) = check("CD306", file_of(ray))
    assert match.severity is Severity.WARNING
    assert "within 0.0001 of 1" in match.message
    assert "varied" not in match.message
    assert "varied" in check("CD306", file_of(CONE))[0].message


def test_states_before_logits_may_share_any_mean(training_of, layer_of, check) -> None:
    ray = {"mean_cosine": 0.9993, "direction_dispersion": 0.027, "relative_dispersion": 0.03}
    state = {"layer": "norm", "role": "chosen"}
    assert check("CD306", training_of(ray, state=state))[0].severity is Severity.WARNING
    logits = layer_of({}, first={}, layer="output", role="logits")
    seen = training_of(ray, before=[logits], state=state)
    assert check("CD306", seen)[0].severity is Severity.INFO
    seen = training_of(ray, before=[logits], state=state | {"directed": True})
    assert check("CD306", seen)[0].severity is Severity.WARNING, "it is compared by cosine"
    seen = training_of(ray, before=[replace(logits, model="teacher")], state=state)
    assert check("CD306", seen)[0].severity is Severity.WARNING, "of another model"


def test_a_cone_of_low_rank_is_left_to_the_rank(file_of, check) -> None:
    with pytest.raises(NotExamined, match="CD303"):
        check("CD306", file_of(CONE | FLAT))


def test_one_judged_and_one_unjudged_layer_are_both_said(training_of, layer_of) -> None:
    from collapse_doctor.rules.catalogue import find

    seen = training_of(LINE, before=[layer_of({}, first={}, layer="head", width=2)])
    rule = find("CD302")
    matches = iter(rule.check(seen, rule.bounds))
    assert next(matches).where.layer == "output"
    with pytest.raises(NotExamined, match=r"model\.head: a line in 2 dimensions"):
        next(matches)


def classes_of(within: float, per_class: int = 50, classes: int = 10) -> dict[str, Any]:
    """Return the class table of a layer whose total scatter is 1 a row, and its spectrum."""
    count = per_class * classes
    table = pd.DataFrame({"label": range(classes), "count": per_class, "within": within})
    spectrum = np.full(64, count / (count - 1) / 64)
    return {"classes": table, "count": count, "eigenvalues": spectrum}


def test_classes_that_are_points_are_worth_knowing(file_of, check) -> None:
    (match,) = check("CD307", file_of(**classes_of(within=0.01)))
    assert match.evidence["within_share"].value == pytest.approx(0.01)
    assert match.evidence["within_share"].null == pytest.approx(1 - 9 / 499)
    assert not check("CD307", file_of(**classes_of(within=0.06)))


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({}, "no labels"),
        (classes_of(0.01, classes=1), "one class"),
        (classes_of(0.01, per_class=4), "50 would do"),
    ],
)
def test_classes_that_cannot_be_judged(state, why, file_of, check) -> None:
    with pytest.raises(NotExamined, match=why):
        check("CD307", file_of(**state))


def test_a_head_that_needs_few_dimensions_excuses_a_low_rank(training_of, check) -> None:
    low = {"effective_rank": 2.0, "top_share": 0.5}
    assert check("CD303", training_of(low, state={"dimensions": None}))
    with pytest.raises(NotExamined, match="no more than 2 dimensions"):
        check("CD303", training_of(low, state={"dimensions": 2}))
    assert check("CD303", training_of(low, state={"dimensions": 40}))
