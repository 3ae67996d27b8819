"""Trainings over two real processes: undisturbed, recorded once, diagnosed from all rows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.nn import functional as F
from torch.nn.parallel import DistributedDataParallel

from collapse_doctor import api
from collapse_doctor.inspector.processes import ranks
from tests.inspector.processes import launch, tell, told

ROWS = 24
STEPS = 20
KINDS = ("plain", "find_unused", "static", "fsdp", "fsdp_mixed")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.1), nn.Linear(32, 16))


def wrapped(kind: str, model: nn.Module) -> nn.Module:
    if kind == "fsdp":
        fully_shard(model)
        return model
    if kind == "fsdp_mixed":
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, output_dtype=torch.float32)
        fully_shard(model, mp_policy=policy)
        return model
    return DistributedDataParallel(
        model, find_unused_parameters=kind == "find_unused", static_graph=kind == "static"
    )


def train(
    net: nn.Module, rank: int, inspector: Any = None, *, aliased: bool = False, flat: bool = False
) -> tuple[list[float], str]:
    """Train; return the losses, and a digest of parameters and random numbers at the end."""
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    torch.manual_seed(100 + rank)
    losses = []
    for _ in range(STEPS):
        x = torch.randn(ROWS, 8)
        view = x + 0.1 * torch.randn(ROWS, 8)
        z = net(torch.ones(ROWS, 8) if flat else x)
        other = z if aliased else net(torch.ones(ROWS, 8) if flat else view)
        loss = 1 - F.cosine_similarity(z, other).mean() + z.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        if inspector is not None:
            inspector.step(loss=loss, labels=torch.full((ROWS,), rank))
    digest = hashlib.sha256(torch.get_rng_state().numpy().tobytes())
    for parameter in net.parameters():
        held = getattr(parameter, "_local_tensor", parameter)
        digest.update(held.detach().float().numpy().tobytes())
    return losses, digest.hexdigest()


def seen(inspector: api.Inspector) -> dict[str, Any]:
    """What a recording holds, as plain values."""
    recording, diagnosis = inspector.recording, inspector.diagnose()
    origins = [operand.origin for c in recording.comparisons for operand in c.operands]
    return {
        "kind": recording.manifest.models[0].kind,
        "fresh": recording.manifest.models[0].fresh,
        "layers": sorted({measure.layer for measure in recording.measures}),
        "rows": sorted({measure.rows for measure in recording.measures}),
        "steps": len({measure.step for measure in recording.measures}),
        "snapshots": [rows.shape[0] for _, rows in recording.snapshots],
        "origins": sorted({str(o and (o.layer, *o.path)) for o in origins}),
        "comparisons": len(recording.comparisons),
        "labels": sorted({label.distinct for label in recording.labels}),
        "labelled": len(recording.labels),
        "notices": [f"{notice.about}: {notice.text}" for notice in recording.notices],
        "codes": [finding.code for finding in diagnosis.findings],
    }


def trainings(rank: int, folder: Path, _: Any) -> None:
    """Every way to wrap a model, without and with a watch; and some that are sick."""
    for kind in KINDS:
        alone = train(wrapped(kind, network()), rank)
        net = wrapped(kind, network())
        with api.Inspector(net, out=folder / kind) as inspector:
            watched = train(net, rank, inspector)
        tell(folder, rank, kind, {"same": watched == alone, **seen(inspector)})
    for kind in ("plain", "find_unused"):  # watched from before it is wrapped
        model = network()
        with api.Inspector(model) as inspector:
            train(wrapped(kind, model), rank, inspector, aliased=kind == "find_unused")
        tell(folder, rank, f"inner_{kind}", seen(inspector))
    net = wrapped("plain", network().eval())
    with api.Inspector(net) as inspector:
        train(net, rank, inspector, flat=rank == 1)
    tell(folder, rank, "flat", seen(inspector))
    separate(rank, folder)
    uneven(rank, folder)
    if rank == 0:
        with api.Inspector(network()) as inspector:
            train(inspector._models["model"], rank, inspector)
        tell(folder, rank, "only", seen(inspector))
    dist.barrier()
    dist.destroy_process_group()


def separate(rank: int, folder: Path) -> None:
    """Two processes that train models of their own, and watch them."""
    model = network()
    with torch.no_grad():
        next(model.parameters()).add_(rank)
    with api.Inspector(model) as inspector:
        train(model, rank, inspector)
    tell(folder, rank, "separate", seen(inspector))


def uneven(rank: int, folder: Path) -> None:
    """Process 1 has fewer batches, and leaves the watch long before process 0."""
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    torch.manual_seed(rank)
    with api.Inspector(net) as inspector:
        for step in range(40 - 20 * rank):
            net(torch.randn(ROWS, 8)).square().mean().backward()
            for parameter in net.parameters() if step < 20 else ():
                dist.all_reduce(parameter.grad)
            optimizer.step()
            optimizer.zero_grad()
    tell(folder, rank, "uneven", seen(inspector))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    assert launch(trainings, folder) == [0, 0]
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_disturbed(trained: Path, kind: str) -> None:
    assert [told(trained, rank, kind)["same"] for rank in (0, 1)] == [True, True]


@pytest.mark.parametrize("kind", KINDS)
def test_rank_0_measures_the_rows_of_all(trained: Path, kind: str) -> None:
    first, second = (told(trained, rank, kind) for rank in (0, 1))
    assert (first["rows"], second["rows"]) == ([4 * ROWS], [2 * ROWS])
    assert set(first["snapshots"]) == {4 * ROWS}
    assert first["steps"] == second["steps"] > 16
    assert "ranks: rows of ranks 0 and 1 of 2 were measured together" in first["notices"]
    assert any("rank 1 of 2: its own rows only" in notice for notice in second["notices"])


@pytest.mark.parametrize("kind", KINDS)
def test_one_recording_is_written(trained: Path, kind: str) -> None:
    files = {path.name for path in (trained / kind).iterdir()}
    assert files == {"manifest.json", "events.r0.jsonl", "shards"}
    recording = api.load(trained / kind).recording
    assert {measure.rows for measure in recording.measures} == {4 * ROWS}
    assert recording.tick is not None
    assert recording.tick.ended


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_compared_is_known_as_the_output_of_the_model(trained: Path, kind: str) -> None:
    first = told(trained, 0, kind)
    assert first["origins"] == ["('output',)"], "and not as the wrapper's copy of it"
    # The last block's output is the model's, unless FSDP casts it.
    assert first["layers"] == (["0", "3", "output"] if kind == "fsdp_mixed" else ["0", "output"])
    assert (first["kind"], first["fresh"]) == ("Sequential", True)
    assert first["codes"] == []


def test_labels_are_those_of_all_ranks(trained: Path) -> None:
    first, second = (told(trained, rank, "plain") for rank in (0, 1))
    assert (first["labels"], second["labels"]) == ([2], [1])
    assert first["labelled"] == STEPS


def test_one_bug_counts_once(trained: Path) -> None:
    first, second = (told(trained, rank, "inner_find_unused") for rank in (0, 1))
    assert first["codes"].count("CD101") == 1
    assert first["comparisons"] == second["comparisons"] > 0


def test_a_model_watched_from_before_it_is_wrapped(trained: Path) -> None:
    for kind in ("inner_plain", "inner_find_unused"):
        first = told(trained, 0, kind)
        # A wrapper is found in the first forward pass, and looked at from the second on.
        assert "('output',)" in first["origins"]
        assert set(first["origins"]) <= {"('output',)", "('output', 'clone')"}
        assert first["layers"] == ["0", "output"]


def test_rows_of_another_rank_that_are_all_alike_are_seen(trained: Path) -> None:
    first = told(trained, 0, "flat")
    assert first["rows"] == [4 * ROWS]
    text = "rank 1: its rows of model.output were all alike at 18 of 18 steps"
    assert any(notice.startswith(text) for notice in first["notices"])


def test_other_models_are_not_joined(trained: Path) -> None:
    first = told(trained, 0, "separate")
    assert first["rows"] == [2 * ROWS]
    text = "ranks: rank 1 trained other weights than rank 0: not joined with its rows"
    assert text in first["notices"]


def test_a_rank_that_ends_early_is_not_waited_for(trained: Path) -> None:
    first = told(trained, 0, "uneven")
    assert first["rows"] == [ROWS, 2 * ROWS]
    assert first["steps"] > 20


def test_an_inspector_on_rank_0_only(trained: Path) -> None:
    first = told(trained, 0, "only")
    assert first["rows"] == [2 * ROWS]
    assert any("rank 1 had no Inspector" in notice for notice in first["notices"])


ENDS = ("raise", "exit", "kill", "kill_rank_0")


def ending(rank: int, folder: Path, how: str) -> None:
    """One process ends at step 17; the other goes on without it."""
    ranks.LEAVE_SECONDS = 1.0
    victim = 0 if how == "kill_rank_0" else 1
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    torch.manual_seed(rank)
    with contextlib.suppress(RuntimeError), api.Inspector(net, out=folder / "run") as inspector:
        for step in range(STEPS):
            if rank == victim and step == 17:
                end(how)
            net(torch.randn(ROWS, 8)).square().mean().backward()
            for parameter in net.parameters() if step < 17 else ():
                dist.all_reduce(parameter.grad)
            optimizer.step()
            optimizer.zero_grad()
        begin = time.monotonic()
    tell(folder, rank, "end", {"seconds": time.monotonic() - begin, **seen(inspector)})
    os._exit(0)  # gloo waits for its peers otherwise


def end(how: str) -> None:
    if how == "raise":
        raise RuntimeError("boom")
    if how == "exit":
        sys.exit(3)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module", params=ENDS)
def ended(request: pytest.FixtureRequest, tmp_path_factory: Any) -> tuple[str, Path]:
    folder = tmp_path_factory.mktemp(request.param)
    survivor = 1 if request.param == "kill_rank_0" else 0
    assert launch(ending, folder, request.param)[survivor] == 0
    return request.param, folder


def test_a_rank_that_dies_holds_nobody_up(ended: tuple[str, Path]) -> None:
    how, folder = ended
    survivor = told(folder, 1 if how == "kill_rank_0" else 0, "end")
    assert survivor["steps"] >= 17
    expected = {
        "raise": "ranks: rank 1 ended at step 17: RuntimeError: boom",
        "exit": "ranks: rank 1 ended at step 17: SystemExit: 3",
        "kill": "ranks: rank 1 was not heard of after step 16: its later rows are missing",
        "kill_rank_0": "ranks: rank 1 of 2: its own rows only",
    }
    assert any(notice.startswith(expected[how]) for notice in survivor["notices"])
    if how != "kill_rank_0":
        assert survivor["rows"] == [ROWS, 2 * ROWS], "joined as long as there were two"
        assert api.load(folder / "run").recording.measures
