"""CD308, CD309 and CD310, and when a finding began: from hand-made courses over the steps."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from collapse_doctor.diagnosis import diagnose
from collapse_doctor.findings import Severity, Subject
from collapse_doctor.inspector.pacing.schedule import Schedule
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.measurements.values import METRIC_COLUMNS
from collapse_doctor.recording.observations import CallSite, Comparison, Operand, Origin
from collapse_doctor.rules.cd308_norm_collapse import Bounds as Shrinking
from collapse_doctor.rules.geometry import History
from collapse_doctor.rules.onset import onset_below
from collapse_doctor.rules.rule import Match, NotExamined
from tests.rules.conftest import HEALTHY, NULLS, layer

Check = Callable[[str, Measurements], list[Match]]
Shape = Callable[[float], float]

NULL = NULLS["effective_rank"]
SCHEDULE = Schedule()


def looks(steps: int) -> list[int]:
    return [step for step in range(steps) if SCHEDULE.measures(step)]


def training(
    shapes: dict[str, Shape],
    steps: int = 400,
    comparisons: Sequence[Comparison] = (),
    noise: float = 0.0,
    **state: object,
) -> Measurements:
    """Return a training in which each measure follows its function of the share of the steps."""
    draw = np.random.default_rng(0)
    at = looks(steps)
    rows = []
    for metric, healthy in HEALTHY.items():
        shape = shapes.get(metric, lambda _share, value=healthy: value)
        null = NULLS.get(metric, math.nan)
        for step in at:
            value = shape(step / steps) * math.exp(noise * draw.normal())
            rows.append(("model", "output", step, metric, value, null, 512, 64))
    last: LayerState = layer(
        {metric: shape(1.0) for metric, shape in shapes.items()},
        first={metric: shape(0.0) for metric, shape in shapes.items()},
        **state,
    )
    return Measurements(
        subject=Subject("recording", "run"),
        metrics=pd.DataFrame(rows, columns=list(METRIC_COLUMNS)),
        layers=(last,),
        comparisons=tuple(comparisons),
        steps=steps,
        trained=True,
        watched_comparisons=True,
    )


def decaying(to: float, start: float = 8.0) -> Shape:
    return lambda share: start * (to / start) ** share


def settling(to: float, start: float = 8.0) -> Shape:
    """Down within the first third, and resting."""
    return lambda share: start * (to / start) ** min(1.0, 3 * share)


def fitted() -> Comparison:
    """Return a comparison with numbers that are given."""
    own = Operand("z", (32, 64), "float32", True, origin=Origin("model", "output", 0, 0))
    given = Operand("y", (32, 64), "float32", False, origin=None)
    return Comparison(0, 0, "F.mse_loss", True, CallSite("t.py", 1, "f", ""), (own, given), ())


# CD308


def test_vectors_that_shrink_to_the_end_are_found(check: Check) -> None:
    (match,) = check("CD308", training({"norm_mean": decaying(1e-3)}, noise=0.1))
    assert float(match.evidence["fall"].value) > 30
    assert match.evidence["late_fall"].value == pytest.approx(8000**0.5, rel=0.2)
    bound = min(8 / 30, 0.01 * 8)
    expected = next(s for s in looks(400) if decaying(1e-3)(s / 400) < bound)
    assert match.where.step is not None
    assert abs(match.where.step - expected) <= 16
    assert match.evidence["onset_kind"].value == "gradual"
    assert f"since step {match.where.step}; the change was gradual" in match.message


@pytest.mark.parametrize(
    "shape",
    [
        decaying(0.5),  # sixteen times shorter, as under much weight decay
        decaying(1.0, start=800.0),  # pixels from 0 to 255, and a loss that asks for lengths of 1
        decaying(0.05, start=0.4),  # small from the start
    ],
)
def test_vectors_that_are_long_enough_are_silent(check: Check, shape: Shape) -> None:
    assert not check("CD308", training({"norm_mean": shape}, noise=0.1))


def test_what_has_settled_is_said_to_have(check: Check) -> None:
    with pytest.raises(NotExamined, match="hardly so since"):
        check("CD308", training({"norm_mean": settling(1e-3)}, noise=0.1))


def test_rows_that_are_fitted_take_on_the_size_of_their_targets(check: Check) -> None:
    with pytest.raises(NotExamined, match="fitted to given numbers"):
        check("CD308", training({"norm_mean": decaying(1e-3)}, comparisons=[fitted()]))


@pytest.mark.parametrize("code", ["CD308", "CD309", "CD310"])
def test_five_steps_are_too_few_for_a_trend(check: Check, code: str) -> None:
    with pytest.raises(NotExamined, match="too few"):
        check(code, training({"norm_mean": decaying(1e-3)}, steps=5))


@pytest.mark.parametrize("code", ["CD308", "CD309", "CD310"])
def test_a_file_has_no_trend(check: Check, code: str, file_of: Callable[..., Measurements]) -> None:
    with pytest.raises(NotExamined, match="no training was watched"):
        check(code, file_of({"norm_mean": 1e-9}))


def test_zero_rows_are_left_to_cd402(check: Check) -> None:
    zero = training({"norm_mean": settling(1e-3), "zero_share": lambda share: float(share > 0.5)})
    with pytest.raises(NotExamined, match="CD402"):
        check("CD308", zero)


def test_a_margin_of_a_tenth_is_out_of_reach_at_the_bound() -> None:
    assert 2 * Shrinking().size * math.sqrt(16) < 0.1


# CD309


def test_vectors_that_grow_to_the_end_are_found(check: Check) -> None:
    (match,) = check("CD309", training({"norm_mean": lambda share: 8 * 1e4**share}, noise=0.1))
    assert match.evidence["growth"].bound == 100
    assert match.evidence["late_growth"].value == pytest.approx(100, rel=0.3)
    assert match.where.step is not None
    assert abs(match.where.step - 200) <= 24  # a hundredfold at the half
    assert re.search(r"doubles every (29|3[01]) steps", match.message)


@pytest.mark.parametrize(
    "shape",
    [
        lambda share: 0.001 + 20 * share,  # a last layer that begins at zero
        lambda share: 8 * (1 + 50 * share),  # Adam, a long training
    ],
)
def test_growth_to_a_usual_length_is_silent(check: Check, shape: Shape) -> None:
    assert not check("CD309", training({"norm_mean": shape}, noise=0.1))


def test_growth_that_holds_itself_back_is_said_to(check: Check) -> None:
    slow = training({"norm_mean": lambda share: 2000 * (share + 1e-9) ** 0.25})
    with pytest.raises(NotExamined, match="hardly so since"):
        check("CD309", slow)


def test_a_leap_counts_where_directions_are_compared(check: Check) -> None:
    leap = {"norm_mean": lambda share: 8e4 if share > 0.004 else 8.0}
    (match,) = check("CD309", training(leap, directed=True))
    assert match.evidence["onset_kind"].value == "sudden"
    assert (match.evidence["onset_after"].value, match.evidence["onset_by"].value) == (1, 2)
    assert match.where.step == 2
    with pytest.raises(NotExamined, match="hardly so since"):
        check("CD309", training(leap))


@pytest.mark.parametrize("state", [{"dimensions": 3}, {}])
def test_what_predicts_large_numbers_is_large(check: Check, state: dict[str, int]) -> None:
    seen = [] if state else [fitted()]
    grows = training({"norm_mean": lambda s: 8 * 1e4**s}, comparisons=seen, **state)
    with pytest.raises(NotExamined, match="fitted to given numbers"):
        check("CD309", grows)


# CD310


def rank(to: float, start: float = 0.8) -> Shape:
    return decaying(to * NULL, start * NULL)


def test_a_rank_on_its_way_down_is_found(check: Check) -> None:
    (match,) = check("CD310", training({"effective_rank": rank(0.15)}, noise=0.05))
    assert match.severity is None  # that of the rule: a warning
    assert float(match.evidence["fall"].value) > 3
    assert 400 < float(match.evidence["collapse_at"].value) < 600
    assert "has not settled" in match.message


@pytest.mark.parametrize(
    "shape",
    [
        rank(0.4),  # half of it lost
        lambda share: NULL * (0.8 if share < 0.1 else 0.2),  # lost early, and settled
        lambda share: NULL * (0.15 + 0.3 * share),  # coming back
        lambda share: NULL * max(0.25, 0.8 - 4 * share),  # settled at a quarter
    ],
)
def test_a_rank_that_is_high_or_has_settled_is_silent(check: Check, shape: Shape) -> None:
    assert not check("CD310", training({"effective_rank": shape}, noise=0.05))


def test_ninety_steps_may_be_the_dip_of_a_healthy_start(check: Check) -> None:
    with pytest.raises(NotExamined, match="dip of a healthy start"):
        check("CD310", training({"effective_rank": rank(0.15)}, steps=90))


def test_a_fitted_rank_is_that_of_its_targets(check: Check) -> None:
    falls = training({"effective_rank": rank(0.15)}, comparisons=[fitted()])
    with pytest.raises(NotExamined, match="fitted to given numbers"):
        check("CD310", falls)


def test_before_a_collapse_it_is_told_how_much_earlier_it_could_be_read() -> None:
    diagnosis = diagnose(training({"effective_rank": rank(0.03)}, steps=800))
    found = {finding.code: finding for finding in diagnosis.findings}
    assert set(found) == {"CD303", "CD310"}
    early, late = found["CD310"], found["CD303"]
    assert early.severity is Severity.INFO
    assert "CD310" in late.explains
    lead = early.evidence["lead_steps"].value
    assert isinstance(lead, int)
    assert lead > 50
    assert f"{lead} steps before it collapsed (CD303)" in early.message


def test_a_collapse_without_warning_has_no_decline(check: Check) -> None:
    sudden = training({"effective_rank": lambda share: NULL * (0.8 if share < 0.4 else 0.02)})
    assert check("CD303", sudden)
    assert not check("CD310", sudden)


@pytest.mark.parametrize("code", ["CD308", "CD309", "CD310"])
@pytest.mark.parametrize("noise", [0.02, 0.2, 1.0])
def test_noise_has_no_trend(check: Check, code: str, noise: float) -> None:
    assert not check(code, training({}, noise=noise))


# when it began


def course(values: Sequence[float]) -> History:
    return History(tuple(looks(2000)[: len(values)]), tuple(values))


def test_a_jump_below_the_bound_is_sudden() -> None:
    steps = looks(2000)[:40]
    history = course([1.0] * 25 + [0.01] * 15)
    onset = onset_below(history, 0.1, history.onset(lambda value: value < 0.1))
    assert onset.step == steps[25]
    assert onset.sentence == (
        f" It has been so since step {steps[25]}; the change was sudden, between steps "
        f"{steps[24]} and {steps[25]}."
    )


def test_what_comes_after_the_bound_is_no_part_of_it() -> None:
    """From 1 to 0.05 by and by, and later at once to a millionth."""
    history = course([0.9**i for i in range(30)] + [1e-6] * 10)
    onset = onset_below(history, 0.1, history.onset(lambda value: value < 0.1))
    assert onset.change is not None
    assert not onset.change.sudden
    assert onset.change.began[0] == 0
    assert onset.step is not None
    assert onset.change.began[1] < onset.step


@pytest.mark.parametrize("values", [[0.01] * 40, [1.0] * 40, []])
def test_without_a_change_there_is_none_to_tell(values: list[float]) -> None:
    history = course(values)
    onset = onset_below(history, 0.1, history.onset(lambda value: value < 0.1))
    assert onset.change is None
    assert onset.step == (0 if values and values[0] < 0.1 else None)
    assert onset.sentence == (" It has been so since step 0." if onset.step == 0 else "")


@pytest.mark.parametrize(
    ("code", "metric", "before", "after"),
    [
        ("CD301", "relative_dispersion", 1.0, 1e-3),
        ("CD302", "top_share", 0.03, 0.9999),
        ("CD303", "effective_rank", 0.8 * NULL, 1.5),
        ("CD306", "mean_cosine", 0.0, 0.97),
    ],
)
def test_collapses_say_when_and_how_they_came(
    check: Check, code: str, metric: str, before: float, after: float
) -> None:
    measured = training({metric: lambda share: before if share < 0.3 else after}, noise=0.001)
    (match,) = check(code, measured)
    first = next(step for step in looks(400) if step >= 0.3 * 400)
    assert match.where.step == match.evidence["onset_step"].value == first
    assert match.evidence["onset_kind"].value == "sudden"
    assert match.evidence["onset_by"].value == first
    assert f"since step {first}; the change was sudden" in match.message
