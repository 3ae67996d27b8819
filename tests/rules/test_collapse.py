"""CD301: what is one vector, what only looks so, and what was born so."""

from __future__ import annotations

import pytest
from msgspec import structs

from collapse_doctor.findings import Confidence, Severity
from collapse_doctor.rules.rule import NotExamined

POINT = {"relative_dispersion": 0.01, "direction_dispersion": 0.01, "mean_cosine": 0.9999}


def test_a_healthy_file_is_silent(file_of, check) -> None:
    assert check("CD301", file_of()) == []


def test_noise_of_a_hundredth_fires_and_a_cone_does_not(file_of, check) -> None:
    (match,) = check("CD301", file_of(POINT))
    assert match.severity is Severity.ERROR
    assert match.evidence["relative_dispersion"].value == 0.01
    assert match.evidence["direction_dispersion"].value == 0.01
    assert "1 %" in match.message
    cone = {"relative_dispersion": 0.316, "direction_dispersion": 0.315, "mean_cosine": 0.901}
    assert check("CD301", file_of(cone)) == []


def test_identical_rows_fire_whatever_rounding_left(file_of, check) -> None:
    same = {"relative_dispersion": 0.0, "direction_dispersion": 1e-9, "norm_std": 0.0}
    (match,) = check("CD301", file_of(same))
    assert "exactly the same vector" in match.message
    assert match.evidence["direction_dispersion"].value == 0.0


def test_one_direction_of_many_lengths_counts_only_under_a_cosine(
    training_of, compared, check
) -> None:
    ray = {"relative_dispersion": 0.5, "direction_dispersion": 1e-3}
    born = {"direction_dispersion": 2e-3}
    assert check("CD301", training_of(ray, born)) == []
    with pytest.raises(NotExamined, match="already alike"):  # a cosine: directions are judged
        check("CD301", training_of(ray, born, comparisons=[compared()]))
    (match,) = check("CD301", training_of(ray, comparisons=[compared()]))
    assert "directions" in match.message
    normalised = ray | {"norm_std": 1e-6}
    assert len(check("CD301", training_of(normalised))) == 1


RAY = {"relative_dispersion": 0.11, "direction_dispersion": 0.01, "mean_cosine": 0.9999}


def test_a_training_that_turned_all_rows_to_one_direction_needs_no_cosine_seen(
    training_of, file_of, check
) -> None:
    (match,) = check("CD301", training_of(RAY))
    assert (match.severity, match.where.step) == (Severity.ERROR, 100)
    assert "differ in little but their length" in match.message
    assert "no cosine tells them apart" in match.message
    assert check("CD301", training_of(RAY, {"direction_dispersion": 0.029})) == []  # fell by 2.9
    assert check("CD301", training_of(RAY | {"direction_dispersion": 0.021})) == []
    assert check("CD301", training_of(RAY, trained=False)) == []
    assert check("CD301", file_of(RAY)) == []  # CD306 says it of a file


def test_lengths_count_where_they_are_read(training_of, compared, check) -> None:
    assert check("CD301", training_of(RAY, state={"dimensions": 3})) == []  # by a head
    assert check("CD301", training_of(RAY, state={"width": 2})) == []  # numbers of one sign
    pair = structs.replace(compared(), function="F.mse_loss")
    output, target = pair.operands
    given = structs.replace(target, origin=None, requires_grad=False)
    fitted = structs.replace(pair, operands=(output, given))
    assert check("CD301", training_of(RAY, comparisons=[fitted])) == []
    assert len(check("CD301", training_of(RAY, comparisons=[fitted, pair]))) == 1


def test_a_block_that_stands_in_for_an_output_may_be_logits(training_of, check) -> None:
    stand_in = {"stands_in": True}
    (match,) = check("CD301", training_of(RAY, state=stand_in))
    assert (match.severity, match.confidence) == (Severity.WARNING, Confidence.MEDIUM)
    assert check("CD301", training_of(POINT, state=stand_in))[0].severity is Severity.ERROR
    cone = {"mean_cosine": 0.98, "direction_dispersion": 0.14}
    directed = {"directed": True}
    assert check("CD306", training_of(cone, state=directed))[0].severity is Severity.WARNING
    assert check("CD306", training_of(cone, state=stand_in))[0].severity is Severity.INFO
    same = {"mean_cosine": 0.9995, "direction_dispersion": 0.0225, "relative_dispersion": 0.1}
    assert check("CD306", training_of(same, state=stand_in))[0].severity is Severity.WARNING


def test_the_shape_of_a_ray_is_skipped_for_what_it_is(training_of, check) -> None:
    with pytest.raises(NotExamined, match="one direction"):
        check("CD302", training_of(RAY | {"top_share": 0.995}))


def test_a_training_must_have_fallen(training_of, check) -> None:
    (match,) = check("CD301", training_of(POINT))
    assert match.where.step == 100  # where the measure crossed the bound for good
    assert match.evidence["onset_step"].value == 100
    assert match.evidence["at_first_step"].value == 1.0
    born_low = POINT | {"relative_dispersion": 0.019}
    sunk = {"relative_dispersion": 0.001, "direction_dispersion": 0.001}
    assert check("CD301", training_of(sunk, born_low))[0].where.step == 100  # and not 0
    for born in (0.025, 0.01, 0.001):  # the last one has even risen
        with pytest.raises(NotExamined, match="already alike at the first step"):
            check("CD301", training_of(POINT, POINT | {"relative_dispersion": born}))


def test_a_network_born_below_resolution_is_given_its_time(training_of, check) -> None:
    born = {"relative_dispersion": 1e-5, "direction_dispersion": 1e-5}
    with pytest.raises(NotExamined, match="untrained deep network"):
        check("CD301", training_of(born, born, steps=199))
    (match,) = check("CD301", training_of(born, born, steps=200))
    assert (match.severity, match.confidence) == (Severity.WARNING, Confidence.MEDIUM)
    rising = {"relative_dispersion": 4e-5}
    with pytest.raises(NotExamined):
        check("CD301", training_of(rising, born, steps=200))
    above = {"relative_dispersion": 1e-3}
    with pytest.raises(NotExamined):
        check("CD301", training_of(above, above, steps=1000))
    exact = {"relative_dispersion": 0.0}
    assert check("CD301", training_of(exact, exact, steps=10_000))[0].severity is Severity.WARNING
    with pytest.raises(NotExamined):
        check("CD301", training_of(exact, exact, steps=10))


def test_a_model_that_was_only_run_is_never_an_error(training_of, check) -> None:
    (match,) = check("CD301", training_of(POINT, trained=False))
    assert match.severity is Severity.WARNING
    assert "No optimizer was seen to step" in match.cause


def test_the_first_collapsed_layer_is_named(training_of, layer_of, check) -> None:
    blocks = [
        layer_of({}, first={}, role="block", layer="stem", depth=0),
        layer_of(POINT, first={}, role="block", layer="blocks.3", depth=3),
        layer_of(POINT, first={}, role="block", layer="blocks.4", depth=4),
    ]
    (match,) = check("CD301", training_of(POINT, before=blocks))
    assert (match.where.layer, match.where.step) == ("output", 100)
    assert [(place.layer, place.step) for place in match.related] == [("blocks.3", 100)]
    assert "so already at model.blocks.3, from step 100 on; model.stem before it" in match.message
    (match,) = check("CD301", training_of(POINT, before=blocks[:1]))
    assert (match.where.layer, match.related) == ("output", ())


def test_a_layer_that_collapsed_later_is_not_named(training_of, layer_of, check) -> None:
    block = layer_of(POINT, first={}, role="block", layer="blocks.3", depth=3)
    seen = training_of(POINT, before=[block])
    own, early = seen.metrics["layer"].eq("blocks.3"), seen.metrics["step"].lt(200)
    seen.metrics.loc[own & early & seen.metrics["metric"].eq("relative_dispersion"), "value"] = 1.0
    seen.metrics.loc[own & early & seen.metrics["metric"].eq("direction_dispersion"), "value"] = 1.0
    (match,) = check("CD301", seen)
    assert (match.where.layer, match.where.step) == ("output", 100)


def test_zero_rows_and_undefined_spread_are_not_examined(file_of, check) -> None:
    nan = float("nan")
    zero = {"zero_share": 1.0, "relative_dispersion": nan, "direction_dispersion": nan}
    with pytest.raises(NotExamined, match="CD402"):
        check("CD301", file_of(zero))
    with pytest.raises(NotExamined, match="finite rows"):
        check("CD301", file_of({"relative_dispersion": nan}))


def test_a_classifier_is_told_to_name_its_embedding(training_of, check) -> None:
    with pytest.raises(NotExamined, match="layers="):
        check("CD301", training_of(POINT, state={"role": "logits"}))
    with pytest.raises(NotExamined, match="no embedding"):
        check("CD301", training_of(POINT, state={"role": "block"}))


@pytest.mark.parametrize("code", ["CD302", "CD303", "CD304", "CD306"])
def test_the_shape_of_a_point_is_not_judged(code, file_of, check) -> None:
    sick = POINT | {"top_share": 1.0, "effective_rank": 1.0, "dead_share": 0.9}
    with pytest.raises(NotExamined, match="CD301"):
        check(code, file_of(sick))


def test_rounding_noise_of_a_born_point_is_not_judged(training_of, check) -> None:
    born = {"relative_dispersion": 1e-6, "top_share": 1.0}
    with pytest.raises(NotExamined, match="rounding of their dtype"):
        check("CD302", training_of(born, born, steps=10))


def test_logits_are_dead_only_where_no_input_reaches_them(training_of, check) -> None:
    state = {"role": "logits"}
    (match,) = check("CD301", training_of({"relative_dispersion": 0.0}, state=state))
    assert "exactly the same vector" in match.message
    with pytest.raises(NotExamined, match="logits"):
        check("CD301", training_of({"relative_dispersion": 0.01}, state=state))


def test_a_layer_that_was_asked_for_is_judged_like_an_output(training_of, check) -> None:
    same = {"relative_dispersion": 0.001, "direction_dispersion": 0.001}
    assert check("CD301", training_of(same, state={"role": "chosen"}))
    with pytest.raises(NotExamined):
        check("CD301", training_of(same, state={"role": "block"}))
