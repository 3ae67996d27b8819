"""What is taken for a probe batch, when it is run, and what is recorded of it."""

from __future__ import annotations

from collections import namedtuple
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from collapse_doctor.api import Inspector, load
from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.probing.batch import Batch
from collapse_doctor.inspector.probing.bench import Bench, CannotRun
from collapse_doctor.inspector.probing.masks import axes_of
from collapse_doctor.inspector.probing.sequences import sequences_in
from collapse_doctor.recording.format import decode, encode
from collapse_doctor.recording.observations import Probe
from collapse_doctor.recording.plausible import check


class Taking(nn.Module):
    """Takes two tensors, and remembers how it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(6, 4)

    def forward(self, x: Tensor, scale: Tensor | None = None) -> Tensor:
        z: Tensor = self.linear(x)
        return z if scale is None else z * scale


X = torch.randn(9, 6)
Pair = namedtuple("Pair", "x scale")


def probes_of(model: Any, probe: Any) -> list[Probe]:
    with Inspector(model, probe=probe) as inspector:
        pass
    return inspector.recording.probes


@pytest.mark.parametrize(
    "probe",
    [X, (X,), [X, torch.ones(4)], Pair(X, torch.ones(4)), {"x": X}, {"x": X, "scale": X[:, :4]}],
    ids=["tensor", "tuple", "list", "named tuple", "mapping", "two keywords"],
)
def test_what_a_forward_pass_takes_is_a_probe(probe: Any) -> None:
    shown = [p for p in probes_of(Taking(), probe) if p.layer == "output"]
    found = [p for p in shown if p.test == "modes"]
    assert [(p.arm, p.rows, p.width, p.dtype) for p in found] == [
        ("train", 9, 4, "float32"),
        ("eval", 9, 4, "float32"),
    ]


@pytest.mark.parametrize(
    ("probe", "got"),
    [
        (np.zeros((3, 6)), "got ndarray"),
        (3, "got int"),
        ("x", "got str"),
        ((), "got an empty tuple"),
        ({}, "got an empty dict"),
        ({1: X}, "got dict"),
        (iter([X]), "got list_iterator"),
    ],
)
def test_what_no_forward_pass_takes_is_refused_at_once(probe: Any, got: str) -> None:
    with pytest.raises(UsageError, match=f"a tensor, a tuple or list .*{got}"):
        Inspector(Taking(), probe=probe)


def test_several_models_have_a_batch_each() -> None:
    models = {"student": Taking(), "teacher": Taking(), "critic": Taking()}
    found = probes_of(models, {"student": X, "teacher": {"x": X}})
    assert {p.model for p in found} == {"student", "teacher"}
    with pytest.raises(UsageError, match=r"'student', 'teacher', 'critic'.*'techer'"):
        Inspector(models, probe={"techer": X})
    with pytest.raises(UsageError, match="by its name"):
        Inspector(models, probe={"x": X})


def test_a_pass_that_fails_is_said_and_ends_nothing() -> None:
    model = Taking()
    with Inspector(model, probe=(X, X, X)) as inspector:
        pass
    skipped = {s.code: s.reason for s in inspector.diagnose().skipped}
    assert "the forward pass on the probe failed (TypeError" in skipped["CD209"]


def test_inside_the_block_the_rules_say_when_they_will_be_examined() -> None:
    with Inspector(Taking(), probe=X) as inspector:
        inside = {s.code: s.reason for s in inspector.diagnose().skipped}
    diagnosis = inspector.diagnose()
    after = {s.code: s.reason for s in diagnosis.skipped}
    assert (
        inside["CD209"]
        == inside["CD210"]
        == ("model: the probe is run when the watched block is left")
    )
    assert "CD209" in diagnosis.passed
    assert "which positions are padding" in after["CD210"]


def test_without_a_probe_the_rules_say_how_to_give_one() -> None:
    with Inspector(Taking()) as inspector:
        pass
    skipped = {s.code: s.reason for s in inspector.diagnose().skipped}
    assert skipped["CD209"] == skipped["CD210"]
    assert "Inspector(model, probe=batch)" in skipped["CD209"]


def test_a_folder_holds_what_a_probe_showed(tmp_path: Path) -> None:
    with Inspector(Taking(), probe=X, out=tmp_path / "run") as inspector:
        pass
    found = load(tmp_path / "run").recording.probes
    assert found == inspector.recording.probes
    assert {p.arm for p in found} == {"", "train", "eval", "trained", "drawn"}


def test_a_probe_is_one_line_and_may_claim_no_nonsense() -> None:
    probe = Probe("modes", "model", layer="output", arm="eval", rows=9, width=4)
    odd = msgspec.structs.replace(probe, values={"noise": float("nan"), "parting": 0.5})
    assert decode(encode(odd)) == msgspec.structs.replace(
        probe, values={"noise": None, "parting": 0.5}
    )
    for field in ({"rows": -1}, {"width": 1 << 40}, {"depth": -1}):
        with pytest.raises(msgspec.ValidationError):
            check(msgspec.structs.replace(probe, **field))


def test_every_run_of_a_bench_begins_at_the_same_state() -> None:
    model = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
    bench = Bench("model", model, (), Batch.of(X), frozenset())  # type: ignore[arg-type]
    one, two = (dict(bench.run(training=True).outputs)["output"] for _ in range(2))
    other = dict(bench.run(training=True, seed=1).outputs)["output"]
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    for _ in range(2):
        resting = dict(bench.run(training=False).outputs)["output"]
        assert torch.equal(resting, model.eval()(X))


IDS = torch.tensor([[5, 6, 7, 0], [5, 6, 0, 0], [8, 9, 7, 6]])
MASK = (IDS != 0).long()
AFTER = torch.tensor([[0, 1, 1, 1], [0, 0, 1, 1], [1, 1, 1, 1]])


class Named(nn.Module):
    def __init__(self, padding: int | None = None) -> None:
        super().__init__()
        self.table = nn.Embedding(10, 4, padding_idx=padding)

    def forward(self, ids: Tensor, attention_mask: Tensor | None = None) -> None:
        pass


@pytest.mark.parametrize(
    ("probe", "padding"),
    [
        ((IDS, MASK), 0),
        ({"ids": IDS, "attention_mask": MASK.bool()}, False),
        ({"ids": IDS, "attention_mask": MASK.float()}, 0.0),
        ({"ids": IDS, "attention_mask": MASK.sub(1) * 1e4}, -1e4),
        ({"ids": IDS, "src_key_padding_mask": ~MASK.bool()}, True),
        ({"ids": IDS, "padding_mask": 1 - MASK}, 1),
        ({"ids": IDS, "mask": MASK}, 0),
        (({"input_ids": IDS, "attention_mask": MASK},), 0),
        ((IDS, MASK.bool(), MASK.float()[..., None]), False),
        ((IDS, torch.tensor([3, 2, 4])), None),
        ({"ids": IDS, "lengths": [3, 2, 4]}, None),
        ((IDS,), 0),
    ],
)
def test_padding_is_appended_as_the_batch_marks_it(probe: Any, padding: Any) -> None:
    class Lengths(Named):
        def forward(self, ids: Tensor, lengths: Tensor | None = None) -> None:
            pass

    lengths = len(probe) == 2 and isinstance(probe, tuple) and probe[1].dim() == 1
    model = Lengths() if lengths else Named(padding=0 if len(probe) == 1 else None)
    batch = Batch.of(probe)
    assert batch is not None
    found = sequences_in(model, batch)
    assert torch.equal(found.real, MASK.bool())
    entries = found.extended(3)
    values = [*entries.args, *(entries.kwargs or {}).values()]
    values = list(values[0].values()) if isinstance(values[0], dict) else values
    assert torch.equal(values[0], torch.cat([IDS, torch.zeros(3, 3, dtype=torch.long)], 1))
    if len(values) > 1 and isinstance(values[1], Tensor) and values[1].dim() == 2:
        assert values[1][:, 4:].eq(padding).all()
        given = [*batch.args, *(batch.kwargs or {}).values()]
        given = list(given[0].values()) if isinstance(given[0], dict) else given
        assert values[1].dtype == given[1].dtype
    elif len(values) > 1:
        assert len(values[1]) == 3, "lengths stay as they are"


def test_padding_before_the_rows_is_extended_there() -> None:
    ids = IDS.flip(1)
    batch = Batch.of({"ids": ids, "attention_mask": AFTER})
    assert batch is not None
    longer = sequences_in(Named(), batch).extended(2).kwargs
    assert longer is not None
    assert torch.equal(longer["ids"][:, 2:], ids)
    assert torch.equal(longer["attention_mask"][:, :2], torch.zeros(3, 2, dtype=torch.long))


def test_positions_may_come_first() -> None:
    features = torch.randn(4, 3, 6)
    batch = Batch.of({"x": features, "src_key_padding_mask": ~MASK.bool()})
    assert batch is not None
    found = sequences_in(nn.Identity(), batch)
    assert dict(axes_of(found.entries, found.real))["x"] == 0
    longer = found.extended(2).kwargs
    assert longer is not None
    assert longer["x"].shape == (6, 3, 6)
    assert longer["src_key_padding_mask"].shape == (3, 6)


@pytest.mark.parametrize(
    ("probe", "reason"),
    [
        ((IDS,), "nothing in the probe says"),
        ((torch.randn(3, 6),), "nothing in the probe says"),
        ({"ids": IDS, "mask": torch.ones_like(IDS)}, "give a batch with padded rows"),
        ({"ids": IDS, "mask": 1 - MASK}, "may mark padding before the rows or what is real"),
        ({"ids": IDS, "padding_mask": MASK}, "may mark padding before the rows"),
        ({"ids": IDS, "attention_mask": 1 - MASK}, "other positions than those at one end"),
        (
            {"ids": IDS + torch.arange(4), "attention_mask": AFTER},
            "padding before the rows varies",
        ),
        (
            {"ids": IDS, "attention_mask": torch.tensor([[1, 0, 1, 1]] * 3)},
            "other positions than those at one end",
        ),
        ({"ids": IDS, "attention_mask": MASK, "other_mask": MASK}, "several masks"),
    ],
)
def test_what_could_be_read_in_two_ways_is_not_tested(probe: Any, reason: str) -> None:
    batch = Batch.of(probe)
    assert batch is not None
    with pytest.raises(CannotRun, match=reason):
        sequences_in(Named(), batch)
