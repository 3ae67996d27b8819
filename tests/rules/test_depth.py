"""CD311, CD314, and the place in depth that the collapse rules name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from collapse_doctor.findings import Severity
from collapse_doctor.recording.observations import Activation, CallSite
from collapse_doctor.rules.rule import NotExamined

EQUAL = {"relative_dispersion": 0.0, "direction_dispersion": 0.0}
ALIKE = {"relative_dispersion": 1e-6, "direction_dispersion": 1e-6}


def blocks(layer_of, *spreads: float) -> list[Any]:
    """Return one block for each spread, which it had from the start."""
    made = []
    for depth, spread in enumerate(spreads):
        values = {"relative_dispersion": spread, "direction_dispersion": spread}
        made.append(layer_of(values, first=values, role="block", layer=f"b{depth}", depth=depth))
    return made


def test_spread_that_decays_layer_by_layer_is_named_where_it_is_lost(
    training_of, layer_of, check
) -> None:
    way = blocks(layer_of, 0.7, 0.1, 0.015, 1e-4)
    (match,) = check("CD311", training_of(ALIKE, ALIKE, before=way, steps=400))
    assert (match.where.layer, match.where.step, match.severity) == ("b2", 0, Severity.ERROR)
    assert "Layer by layer" in match.message
    assert "0.7 → 0.1 → 0.01" in match.message
    assert [place.layer for place in match.related] == ["output"]


def test_spread_lost_at_one_layer_is_told_so(training_of, layer_of, check) -> None:
    way = blocks(layer_of, 0.7, 0.6, 1e-6, 1e-6)
    (match,) = check("CD311", training_of(ALIKE, ALIKE, before=way, steps=400))
    assert match.where.layer == "b2"
    assert match.message.startswith("model.b2 loses what tells inputs apart")


def test_directions_count_as_well(training_of, layer_of, check) -> None:
    one_way = {"relative_dispersion": 0.3, "direction_dispersion": 1e-6}
    (match,) = check(
        "CD311", training_of(one_way, one_way, before=blocks(layer_of, 0.7), steps=400)
    )
    assert match.where.layer == "output"


@pytest.mark.parametrize(
    ("steps", "born", "severity"),
    [
        (19, EQUAL, None),
        (20, EQUAL, Severity.WARNING),
        (199, ALIKE, None),
        (200, ALIKE, Severity.WARNING),
        (399, ALIKE, Severity.WARNING),
        (400, ALIKE, Severity.ERROR),
    ],
)
def test_a_network_is_given_time_to_take_off(
    training_of, layer_of, check, steps, born, severity
) -> None:
    seen = training_of(born, born, before=blocks(layer_of, 0.7), steps=steps)
    if severity is None:
        with pytest.raises(NotExamined, match="steps are too few"):
            check("CD311", seen)
    else:
        assert check("CD311", seen)[0].severity is severity


def test_what_depth_is_not_to_blame_for_is_not_examined(training_of, layer_of, check) -> None:
    rich = blocks(layer_of, 0.7)
    # it has begun to move, or was told apart at first: CD301 says what became of it
    risen = {"relative_dispersion": 4e-6, "direction_dispersion": 4e-6}
    assert check("CD311", training_of(risen, ALIKE, before=rich, steps=400)) == []
    assert check("CD311", training_of(ALIKE, {}, before=rich, steps=400)) == []
    with pytest.raises(NotExamined, match="see the inputs"):
        check("CD311", training_of(ALIKE, ALIKE, before=blocks(layer_of, 1e-6), steps=400))
    with pytest.raises(NotExamined, match="no training was watched"):
        check("CD311", training_of(ALIKE, ALIKE, before=rich, steps=400, trained=False))
    other = layer_of({}, first={}, layer="output[1]", depth=10)
    seen = training_of(ALIKE, ALIKE, before=[*rich, other], steps=400)
    assert check("CD311", seen) == []
    with pytest.raises(NotExamined, match=r"output\[1\] tells inputs apart"):
        check("CD311", replace(seen, layers=(*rich, seen.layers[-1], other)))
    learned = pd.DataFrame({"step": range(400), "value": [2.0] * 200 + [0.5] * 200})
    with pytest.raises(NotExamined, match="something is learned"):
        check("CD311", training_of(ALIKE, ALIKE, before=rich, steps=400, losses=learned))


def test_what_was_told_apart_in_between_was_not_lost_by_depth(training_of, layer_of, check) -> None:
    seen = training_of(ALIKE, ALIKE, before=blocks(layer_of, 0.7), steps=400)
    rows = seen.metrics
    once = rows["layer"].eq("output") & rows["step"].eq(150)
    rows.loc[once & rows["metric"].str.endswith("dispersion"), "value"] = 0.5
    with pytest.raises(NotExamined, match="told apart for a while"):
        check("CD311", seen)


LOW = {"effective_rank": 3.0}
CONE = {"mean_cosine": 0.95, "direction_dispersion": 0.22}
LINE = {"top_share": 0.999}


@pytest.mark.parametrize(("code", "sick"), [("CD302", LINE), ("CD303", LOW), ("CD306", CONE)])
def test_the_first_layer_that_shows_it_is_told_beside_the_embedding(
    training_of, layer_of, check, code, sick
) -> None:
    way = [
        layer_of({}, first={}, role="block", layer="stem", depth=0),
        layer_of(sick, first={}, role="block", layer="b1", depth=1),
        layer_of(sick, first={}, role="block", layer="b2", depth=2),
    ]
    (match,) = check(code, training_of(sick, before=way))
    assert match.where.layer == "output"
    assert [(place.layer, place.step) for place in match.related] == [("b1", 100)]
    assert "already at model.b1, from step 100 on; model.stem before it" in match.message
    assert match.evidence["first_layer"].value == "b1"
    (match,) = check(code, training_of(sick, before=[way[1], way[0]]))
    assert len(match.related) == 1  # by depth, whatever the order
    healed = layer_of({}, first={}, role="block", layer="b3", depth=3)
    (match,) = check(code, training_of(sick, before=[*way, healed]))
    assert match.related == ()


def activation(step: int, **told: Any) -> Activation:
    fields: dict[str, Any] = {
        "step": step,
        "forward": step,
        "model": "model",
        "layer": "net.1",
        "number": 0,
        "kind": "relu",
        "units": 128,
        "rows": 256,
        "stuck": 1.0,
        "ends": 1.0,
        "read": True,
    }
    return Activation(**(fields | told))


def looks(*steps: int, **told: Any) -> tuple[Activation, ...]:
    return tuple(activation(step, **told) for step in steps)


def test_a_dead_relu_is_found_since_it_died(training_of, check) -> None:
    alive = looks(0, 1, 2, stuck=0.2, ends=0.5)
    (match,) = check("CD314", training_of(activations=(*alive, *looks(30, 31, 40))))
    assert (match.where.layer, match.where.step) == ("net.1", 30)
    assert "100 % of the 128 units of the ReLU in model.net.1 give 0" in match.message
    recovered = (*looks(30, 31, 40), *looks(41, stuck=0.3, ends=0.5))
    assert check("CD314", training_of(activations=recovered)) == []


@pytest.mark.parametrize(
    "told",
    [
        {"stuck": 0.89, "ends": 0.95},
        {"stuck": 0.95, "ends": 0.999},  # a sparse code: its living units answer to 2 % of inputs
        {"read": False},  # a hinge
        {"kind": "sigmoid", "stuck": 0.95, "ends": 0.95, "read": False},  # a gate
        {"kind": "sigmoid", "stuck": 0.95, "ends": 0.95, "read": False, "returned": True},
        {"kind": "tanh", "stuck": 0.1, "ends": 0.99, "read": False, "returned": True},  # codes
        {"kind": "tanh", "stuck": 0.4, "ends": 0.8},
    ],
)
def test_activations_that_may_be_as_they_are(training_of, check, told) -> None:
    assert check("CD314", training_of(activations=looks(0, 1, 2, 3, **told))) == []


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"stuck": 0.92, "ends": 0.96}, "give 0 for every input"),
        ({"read": False, "module": True}, "give 0 for every input"),
        ({"kind": "sigmoid", "stuck": 0.0, "ends": 0.95}, "are at its rails"),
        ({"kind": "tanh", "stuck": 0.6, "ends": 0.7}, "are at one rail for every input"),
        ({"kind": "tanh", "stuck": 0.6, "ends": 0.7, "read": False, "returned": True}, "one rail"),
    ],
)
def test_activations_that_may_not(training_of, check, told, words) -> None:
    (match,) = check("CD314", training_of(activations=looks(0, 1, 2, **told)))
    assert words in match.message
    assert match.where.step == 0


def tanh_looks(*shares: float) -> tuple[Activation, ...]:
    return tuple(
        activation(10 * n, kind="tanh", stuck=0.0, ends=share) for n, share in enumerate(shares)
    )


SLOWLY = (0.1, 0.3, 0.55, 0.7, 0.8, 0.95, 0.97, 0.99)


@pytest.mark.parametrize(
    ("shares", "losses", "severity"),
    [
        (SLOWLY, (3.0, 2.0, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9), Severity.INFO),
        (SLOWLY, (3.0, 2.0, 2.6, 2.6, 2.6, 2.7, 2.6, 2.6), Severity.WARNING),  # it got worse
        (SLOWLY, None, Severity.WARNING),  # and of this one nobody knows
        ((0.1, 0.1, 0.1, 0.1, 0.2, 0.95, 0.97, 0.99), (3.0,) * 5 + (1.0,) * 3, Severity.WARNING),
        ((0.95,) * 8, (3.0, 2.0, 1.0, 0.9, 0.9, 0.9, 0.9, 0.9), Severity.WARNING),
    ],
)
def test_units_that_saturate_while_the_loss_falls(
    training_of, check, shares, losses, severity
) -> None:
    steps = range(0, 80, 10)
    seen = None if losses is None else pd.DataFrame({"step": steps, "value": losses})
    (match,) = check("CD314", training_of(activations=tanh_looks(*shares), losses=seen))
    assert match.severity is severity
    assert ("told apart without remainder" in match.message) is (severity is Severity.INFO)


def test_few_looks_or_rows_are_not_examined(training_of, file_of, check) -> None:
    for seen in (looks(0, 0, 1), looks(0, 1, 2, rows=31)):
        with pytest.raises(NotExamined, match="fewer than"):
            check("CD314", training_of(activations=seen))
    with pytest.raises(NotExamined, match="no activation function"):
        check("CD314", training_of())
    with pytest.raises(NotExamined, match="a file"):
        check("CD314", file_of())


def test_the_first_place_is_told_with_its_line_and_the_others_beside_it(training_of, check) -> None:
    site = CallSite("net.py", 12, "Net.forward", "x = F.relu(self.fc(x))")
    later = looks(5, 6, 7, layer="net.3")
    seen = (*looks(2, 3, 4, layer="", site=site), *later)
    (match,) = check("CD314", training_of(activations=seen))
    assert (match.where.line, match.where.layer, match.where.step) == (12, None, 2)
    assert [place.layer for place in match.related] == ["net.3"]
    two_models = (*later, *(replace_model(one) for one in later))
    assert len(check("CD314", training_of(activations=two_models))) == 2


def replace_model(one: Activation) -> Activation:
    return activation(one.step, model="other", layer=one.layer)


def test_a_constant_beside_a_healthy_output_is_no_collapse(training_of, layer_of, check) -> None:
    other = layer_of({}, first={}, layer="output[1]", depth=10)
    assert check("CD301", training_of(EQUAL, EQUAL, steps=400))[0].severity is Severity.WARNING
    with pytest.raises(NotExamined, match="learnt constant"):
        check("CD301", training_of(EQUAL, EQUAL, before=[other], steps=400))
    alike = replace(other, values={**other.values, **EQUAL}, first={**other.values, **EQUAL})
    assert len(check("CD301", training_of(EQUAL, EQUAL, before=[alike], steps=400))) == 2
