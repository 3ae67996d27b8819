"""The recording in memory: order, bounds, and what it says about what it dropped."""

import numpy as np
import pytest

from collapse_doctor.recording import memory, retention
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import Cost, Loss, Notice, Tick, Use


def test_every_kind_of_observation_is_found_again(make):
    recording = Recording(make.manifest())
    for observation in make.one_of_each():
        recording.append(observation)
    assert recording.measures == [make.measure()]
    assert recording.comparisons == [make.comparison()]
    assert [labels.distinct for labels in recording.labels] == [10]
    assert recording.losses == [Loss(0, 0.5)]
    assert recording.notices == [Notice("encoder", "pooled over tokens")]
    assert recording.uses == [Use("", "encoder", "compared")]
    assert recording.shapes == [make.spread(), make.along_batch()]
    assert recording.activations == [make.activation()]
    assert recording.tick == Tick(1, 1, "optimizer", ended=True)
    assert recording.cost == Cost(1, 220.0, 0.88, 0.005, limited=True)


def test_the_latest_cost_stands(make):
    recording = Recording(make.manifest())
    assert recording.cost is None
    for step in range(3):
        recording.append(Cost(step, 10.0 * step, 0.1 * step, 0.005))
    assert recording.cost == Cost(2, 20.0, 0.2, 0.005)


def test_measures_of_several_layers_come_in_the_order_they_were_taken(make):
    recording = Recording(make.manifest())
    taken = [make.measure(step, layer) for step in range(3) for layer in ("b", "a")]
    for measure in taken:
        recording.append(measure)
    assert recording.measures == taken


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), np.float32("nan")])
def test_numbers_that_are_not_finite_become_none(make, bad):
    recording = Recording(make.manifest())
    recording.append(make.measure(norm_mean=bad, norm_max=np.float32(2)))
    recording.append(Loss(0, bad))
    recording.append(make.comparison(similarity=bad))
    recording.append(make.objective(value=bad))
    recording.append(make.activation(stuck=bad))
    assert recording.activations[0].stuck is None
    assert recording.measures[0].values == {"norm_mean": None, "norm_max": 2.0}
    assert type(recording.measures[0].values["norm_max"]) is float
    assert recording.losses[0].value is None
    assert recording.comparisons[0].similarity is None
    assert (recording.objectives[0].value, recording.objectives[0].collapsed) == (None, 0.0)


def test_losses_are_thinned_and_the_loss_is_said(make, monkeypatch):
    monkeypatch.setitem(retention.LIMITS, Loss, 200)
    recording = Recording(make.manifest())
    for step in range(1_000):
        recording.append(Loss(step, 1.0))
    dropped = 1_000 - len(recording.losses)
    assert 0 < len(recording.losses) <= 200
    assert f"{dropped} older losses were dropped" in recording.notices[0].text


def test_many_layers_share_the_room_for_measures(make, monkeypatch):
    monkeypatch.setattr(memory, "MEASURES", 4_000)
    recording = Recording(make.manifest())
    for step in range(500):
        for layer in range(10):
            recording.append(make.measure(step, f"block{layer}"))
    assert len(recording.measures) <= 4_000
    assert {measure.layer for measure in recording.measures[-10:]} == {
        f"block{layer}" for layer in range(10)
    }


def test_snapshots_stay_inside_the_budget(make):
    recording = Recording(make.manifest(), snapshot_budget=10 * 8 * 4 * 4)
    for step in range(100):
        recording.append_snapshot(make.snapshot(step), make.rows(step))
    steps = [snapshot.step for snapshot, _ in recording.snapshots]
    assert len(steps) == 10
    assert (steps[0], steps[-1]) == (0, 99)
    for snapshot, rows in recording.snapshots:
        np.testing.assert_array_equal(rows, make.rows(snapshot.step))
    assert "90 older snapshots" in recording.notices[0].text


def test_rows_are_copied_as_float32(make):
    recording, rows = Recording(make.manifest()), np.full((8, 4), 1e300)
    recording.append_snapshot(make.snapshot(), rows)
    rows[:] = 0
    kept = recording.snapshots[0][1]
    assert kept.dtype == np.float32
    assert np.isinf(kept).all()


def test_rows_share_no_memory_with_the_training(make):
    recording, rows = Recording(make.manifest()), make.rows()
    recording.append_snapshot(make.snapshot(), rows)
    rows[:] = 0
    np.testing.assert_array_equal(recording.snapshots[0][1], make.rows())


def test_rows_of_another_shape_are_refused(make):
    recording = Recording(make.manifest())
    with pytest.raises(ValueError, match=r"\(8, 4\), got \(4, 8\)"):
        recording.append_snapshot(make.snapshot(), np.zeros((4, 8)))
    with pytest.raises(TypeError, match="append_snapshot"):
        recording.append(make.snapshot())


def test_the_same_notice_is_kept_once_and_a_flood_is_cut(make, monkeypatch):
    monkeypatch.setattr(memory, "NOTICES", 5)
    recording = Recording(make.manifest())
    for number in range(20):
        recording.append(Notice("a", f"text {number // 2}", step=number))
    assert [notice.text for notice in recording.notices[:5]] == [f"text {n}" for n in range(5)]
    assert recording.notices[5].text.startswith("10 older notices")
