"""From a summary or a recording to tables, and from there to findings on real numbers."""

from __future__ import annotations

import html
import json
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch

from collapse_doctor.diagnosis import diagnose
from collapse_doctor.findings import Subject
from collapse_doctor.measurements import Measurements, from_recording, from_summary
from collapse_doctor.measurements.values import METRIC_COLUMNS
from collapse_doctor.metrics.table import METRICS, measure, null_values
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import (
    CallSite,
    Clock,
    Comparison,
    Cost,
    Labels,
    LayerInfo,
    Loss,
    Manifest,
    Measure,
    ModelInfo,
    Notice,
    Operand,
    Snapshot,
    Tick,
    Use,
)
from collapse_doctor.reports import to_html, to_json, to_notebook, to_text
from collapse_doctor.summary import EmbeddingSummary

FILE = Subject("embeddings", "x.pt", notes=("read as rows",))


def normal(rows: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def of_file(rows: torch.Tensor, labels: Any = None) -> Measurements:
    return from_summary(EmbeddingSummary.of(rows, labels), subject=FILE)


def found(measurements: Measurements) -> set[str]:
    return {finding.code for finding in diagnose(measurements).findings}


def recording(
    batches: list[torch.Tensor], *, clock: Clock = "optimizer", blocks: tuple[str, ...] = ()
) -> Recording:
    """Return a recording of one model whose output was ``batches``, one each step."""
    layers = [LayerInfo(name, "ReLU", "block", depth) for depth, name in enumerate(blocks)]
    layers.append(LayerInfo("output", "Net", "output", len(blocks)))
    model = ModelInfo("model", "Net", 1234, tuple(layers))
    kept = Recording(Manifest(1, "2024-01-01", {}, (model,)))
    for index, rows in enumerate(batches):
        step = 0 if clock == "forward" else index
        values: dict[str, float | None] = {**measure(EmbeddingSummary.of(rows))}
        n, d = rows.shape
        kept.append(Measure(step, index, "model", "output", n, d, "float32", True, values))
        kept.append_snapshot(Snapshot(step, "model", "output", n, d), rows.float().numpy())
    steps = 0 if clock == "forward" else len(batches)
    kept.append(Tick(steps, len(batches), clock, ended=True))
    return kept


def test_a_file_is_one_layer_without_history() -> None:
    seen = of_file(normal(500, 32))
    (layer,) = seen.layers
    assert (layer.model, layer.layer, layer.role) == ("", "embeddings", "output")
    assert (layer.count, layer.width, layer.dtype) == (500, 32, "float32")
    assert (layer.first, layer.classes, seen.labels, seen.trained) == (None, None, None, False)
    assert set(layer.values) == {metric.name for metric in METRICS}
    assert layer.values["effective_rank"] == pytest.approx(layer.nulls["effective_rank"], rel=0.02)
    assert layer.sample is not None
    assert layer.sample.rows.shape == (500, 32)
    assert layer.eigenvalues.shape == (32,)
    assert seen.subject.notes == ("read as rows",)


def test_the_table_is_tidy() -> None:
    frame = of_file(normal(100, 8)).metrics
    assert tuple(frame.columns) == METRIC_COLUMNS
    assert len(frame) == len(METRICS)
    assert not frame.duplicated(["model", "layer", "step", "metric"]).any()
    rank = frame[frame["metric"] == "effective_rank"].iloc[0]
    assert rank["value"] == pytest.approx(rank["null"], rel=0.05)


def test_classes_of_a_file_hold_the_scatter_within() -> None:
    rows, labels = normal(90, 5).double(), np.arange(90) % 3
    rows += torch.from_numpy(labels)[:, None] * 4.0
    seen = of_file(rows, labels)
    classes = seen.layers[0].classes
    assert classes is not None
    for label, count, within in classes.itertuples(index=False):
        own = rows.numpy()[labels == label]
        assert count == 30
        assert within == pytest.approx(own.var(axis=0).sum(), rel=1e-9)
    assert seen.labels is not None
    assert seen.labels.iloc[0].to_dict() == {
        "step": 0, "count": 90, "distinct": 3, "batch": 90, "value": "", "scalar": False,
        "sizes": (90,),
    }  # fmt: skip


def scaled(share_alive: float) -> torch.Tensor:
    alive = torch.zeros(128)
    alive[: round(128 * share_alive)] = 1
    return normal(1000, 128) * alive


def low_rank(rank: int) -> torch.Tensor:
    return normal(1000, rank) @ normal(rank, 128, seed=1)


POINT = normal(1, 128, seed=2)
CASES = {
    "isotropic": (normal(1000, 128), set()),
    "fewer rows than dimensions": (normal(100, 128), set()),
    "power law": (normal(1000, 128) * torch.arange(1, 129) ** -0.5, set()),
    "unit rows": (torch.nn.functional.normalize(normal(1000, 128)), set()),
    "relu": (normal(1000, 128).relu(), set()),
    "exact point": (POINT.repeat(1000, 1), {"CD301"}),
    "point and noise 1e-6": (POINT + 1e-6 * normal(1000, 128), {"CD301"}),
    "point and noise 1e-2": (POINT + 1e-2 * normal(1000, 128), {"CD301"}),
    "cone": (normal(1000, 128) + 3.0, {"CD306"}),
    "line": (low_rank(1), {"CD302", "CD303"}),
    "plus and minus": (normal(1000, 1).sign() @ POINT, {"CD302", "CD303", "CD305"}),
    "five dimensions": (low_rank(5), {"CD303"}),
    "a tenth alive": (scaled(0.1), {"CD304"}),
    "half alive": (scaled(0.5), {"CD304"}),
    "all zero": (torch.zeros(1000, 128), {"CD402"}),
    "a few rows of zeros": (torch.cat([normal(990, 128), torch.zeros(10, 128)]), {"CD402"}),
    "nan in one row": (normal(1000, 128).index_fill(0, torch.tensor([3]), float("nan")), {"CD401"}),
    "two points": (normal(2, 768), {"CD601"}),
    "eight points": (normal(8, 768), {"CD601"}),
    "a plane": (normal(1000, 2), set()),
}


@pytest.mark.parametrize("name", CASES)
def test_files_of_known_shape(name: str) -> None:
    rows, expected = CASES[name]
    assert found(of_file(rows)) == expected


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_the_dtype_does_not_decide(dtype: torch.dtype) -> None:
    assert found(of_file(normal(500, 64).to(dtype))) == set()
    assert found(of_file(POINT.to(dtype).repeat(500, 1))) == {"CD301"}


def test_neural_collapse_is_never_alarming_with_or_without_labels() -> None:
    labels = np.arange(1000) % 10
    rows = normal(10, 128, seed=3)[labels] + 0.1 * normal(1000, 128)
    assert found(of_file(rows, labels)) == {"CD307"}, "worth knowing, and no more"
    result = diagnose(of_file(rows))
    assert {finding.code for finding in result.findings} <= {"CD303"}
    assert result.verdict == "healthy"


def test_one_class_in_a_file_is_an_info() -> None:
    result = diagnose(of_file(normal(100, 16), ["cat"] * 100))
    assert [finding.code for finding in result.findings] == ["CD503"]
    assert result.verdict == "healthy"


def test_a_training_has_a_first_and_a_last_state() -> None:
    batches = [normal(64, 32, seed=s) * (1 + s) for s in range(20)]
    seen = from_recording(recording(batches), title="run")
    (layer,) = seen.layers
    assert (seen.trained, seen.steps, seen.subject.kind) == (True, 20, "recording")
    assert (layer.first_step, layer.last_step) == (0, 19)
    lengths = [float(batch.double().norm(dim=1).mean()) for batch in batches]
    assert layer.first is not None
    assert layer.first["norm_mean"] == pytest.approx(lengths[0])
    assert layer.values["norm_mean"] == pytest.approx(np.median(lengths[-5:]))
    assert len(seen.metrics) == 20 * len(METRICS)
    assert found(seen) == set()


def test_ranks_rest_on_the_late_snapshots_together() -> None:
    """Batches of 40 rows, centred each by itself, tell width 64 from a rank of 3."""
    rotation = normal(64, 64, seed=9)
    healthy = [normal(40, 64, seed=s) + s for s in range(40)]
    (layer,) = from_recording(recording(healthy), title="run").layers
    assert layer.count == 8 * 39 + 1
    ratio = layer.values["effective_rank"] / layer.nulls["effective_rank"]
    assert ratio == pytest.approx(1, rel=0.02)
    flat = torch.zeros(64)
    flat[:3] = 1
    sick = [b if s < 5 else (b * flat) @ rotation for s, b in enumerate(healthy)]
    sick += [(normal(40, 64, seed=s) * flat) @ rotation for s in range(40, 160)]
    seen = from_recording(recording(sick), title="run")
    assert found(seen) == {"CD303"}
    assert diagnose(seen).findings[0].where.step == 5


def test_a_column_that_never_varies_stays_dead_when_batches_are_pooled() -> None:
    batches = [normal(40, 64, seed=s) for s in range(20)]
    for step, batch in enumerate(batches):
        batch[:, 10:] = 0.1 * step + 1 / 3
    (layer,) = from_recording(recording(batches), title="run").layers
    assert layer.values["dead_share"] == pytest.approx(54 / 64)


def test_without_optimizer_a_step_is_a_forward_pass() -> None:
    kept = recording([normal(64, 32, seed=s) for s in range(10)], clock="forward")
    operand = Operand("z", (64, 32), "float32", requires_grad=False)
    site = CallSite("eval.py", 3)
    kept.append(Comparison(0, 7, "F.cosine_similarity", True, site, (operand, operand)))
    seen = from_recording(kept, title="run")
    assert (seen.steps, seen.trained) == (10, False)
    assert sorted(seen.metrics["step"].unique()) == list(range(10))
    assert seen.comparisons[0].step == 7
    assert seen.layers[0].last_step == 9
    assert found(seen) == set()


def test_a_training_that_collapses_is_found_with_its_onset() -> None:
    batches = [POINT + normal(64, 128, seed=s) * (1.0 if s < 12 else 1e-3) for s in range(30)]
    first = diagnose(from_recording(recording(batches), title="run")).findings[0]
    assert (first.code, first.where.step, first.severity) == ("CD301", 12, "error")


def test_a_training_that_began_collapsed_is_no_finding_but_said() -> None:
    batches = [POINT + normal(64, 128, seed=s) * 1e-3 for s in range(30)]
    result = diagnose(from_recording(recording(batches), title="run"))
    assert not result.findings
    assert "CD301" not in result.passed
    assert "first step" in next(s.reason for s in result.skipped if s.code == "CD301")


def test_eval_mode_is_left_out_of_a_training() -> None:
    kept = recording([normal(64, 32, seed=s) for s in range(10)])
    summary = EmbeddingSummary.of(POINT[:, :32].repeat(64, 1))
    point: dict[str, float | None] = {**measure(summary)}
    for forward in range(10, 15):
        kept.append(Measure(9, forward, "model", "output", 64, 32, "float32", False, point))
    assert found(from_recording(kept, title="run")) == set()


def test_none_reads_as_undefined_and_nan_rows_are_found() -> None:
    batches = [normal(64, 32, seed=s) for s in range(10)]
    batches[6] = torch.full((64, 32), float("nan"))
    first = diagnose(from_recording(recording(batches), title="run")).findings[0]
    assert (first.code, first.where.step) == ("CD401", 6)


def test_labels_losses_and_notices_are_carried_over() -> None:
    kept = recording([normal(64, 32, seed=s) for s in range(5)], blocks=("stem",))
    for step in range(5):
        kept.append(Labels(step, 64, 10, 64))
        kept.append(Loss(step, 1.0 / (1 + step)))
    kept.append(Notice("comparisons", "not observed, because a model is compiled"))
    seen = from_recording(kept, title="run")
    assert seen.labels is not None
    assert seen.labels["distinct"].tolist() == [10] * 5
    assert seen.losses is not None
    assert seen.losses["value"].iloc[1] == 0.5
    assert not seen.watched_comparisons
    assert seen.unseen["model.stem"] == "no output of it was measured"
    reasons = {s.code: s.reason for s in diagnose(seen).skipped}
    assert "compiled" in reasons["CD101"]


def test_an_empty_recording_is_measured_and_nothing_passes() -> None:
    kept = Recording(Manifest(1, "2024-01-01", {}, ()))
    result = diagnose(from_recording(kept, title="run"))
    assert (result.findings, result.passed) == ((), ())


def test_rules_are_read_without_torch_and_pandas() -> None:
    code = (
        "import sys; import collapse_doctor.diagnosis, collapse_doctor.rules.catalogue; "
        "print([name for name in ('torch', 'pandas', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_what_is_classified_as_it_is_are_logits() -> None:
    kept = recording([normal(64, 32, seed=s) for s in range(10)])
    kept.append(Use("model", "output", "classified", through=False, dimensions=9))
    assert from_recording(kept, title="run").layers[0].role == "logits"
    kept.append(Use("model", "output", "compared"))
    assert from_recording(kept, title="run").layers[0].role == "output"


def test_a_head_tells_how_many_dimensions_are_needed() -> None:
    kept = recording([normal(64, 32, seed=s) for s in range(10)])
    kept.append(Use("model", "output", "classified", through=True, dimensions=9))
    (layer,) = from_recording(kept, title="run").layers
    assert (layer.role, layer.dimensions) == ("output", 9)
    kept.append(Use("model", "output", "compared"))
    assert from_recording(kept, title="run").layers[0].dimensions is None


def on_a_line(step: int) -> torch.Tensor:
    """Begin in all dimensions and end on one line, as an embedding for two classes does."""
    line = normal(64, 1, seed=step) @ normal(1, 128)
    return line + normal(64, 128, seed=step) * (1.0 if step < 5 else 0.01)


@pytest.mark.parametrize(("dimensions", "codes"), [(None, {"CD302"}), (64, {"CD302"}), (1, set())])
def test_a_line_is_all_that_a_head_for_two_classes_needs(
    dimensions: int | None, codes: set[str]
) -> None:
    kept = recording([on_a_line(step) for step in range(300)])
    if dimensions is not None:
        kept.append(Use("model", "output", "classified", through=True, dimensions=dimensions))
    assert found(from_recording(kept, title="run")) & {"CD302"} == codes


def turning(rank: int, step: int, rows: int = 64) -> torch.Tensor:
    """Rows of one rank, along other axes at every step, as while weights move."""
    return normal(rows, rank, seed=step) @ normal(rank, 64, seed=1000 + step)


def test_ranks_rest_on_each_step_where_weights_turn_the_axes() -> None:
    (layer,) = from_recording(recording([turning(1, s) for s in range(40)]), title="run").layers
    assert layer.values["effective_rank"] == pytest.approx(1.0, abs=1e-3)
    assert layer.values["top_share"] == pytest.approx(1.0, abs=1e-9)
    assert layer.nulls["effective_rank"] == pytest.approx(layer_null(64))
    few = [turning(1, s, rows=6) for s in range(40)]  # too few rows to count by themselves
    (layer,) = from_recording(recording(few), title="run").layers
    assert layer.values["effective_rank"] > 5


def layer_null(rows: int) -> float:
    return null_values(["effective_rank"], rows, 64)["effective_rank"]


@pytest.mark.parametrize(("rank", "told"), [(1, 1), (3, 3), (64, None)])
def test_the_exact_rank_is_that_of_one_step(rank: int, told: int | None) -> None:
    batches = [turning(rank, step, rows=128) + 5 for step in range(20)]
    assert from_recording(recording(batches), title="run").layers[0].exact_rank == told
    rough = [batch.bfloat16().float() for batch in batches]  # more than rounding of float32
    assert from_recording(recording(rough), title="run").layers[0].exact_rank is None
    assert of_file(batches[0]).layers[0].exact_rank is None


def test_the_last_block_stands_in_for_an_output_nobody_saw() -> None:
    def seen(*names: str) -> Measurements:
        kept = recording([], blocks=("net.0", "net.2", "unused"))
        for step in range(20):
            rows = POINT + normal(64, 128, seed=step) * (1.0 if step < 5 else 1e-3)
            values: dict[str, float | None] = {**measure(EmbeddingSummary.of(rows))}
            for name in names:
                kept.append(Measure(step, step, "model", name, 64, 128, "float32", True, values))
        kept.append(Tick(20, 20, "optimizer", ended=True))
        return from_recording(kept, title="run")

    measured = seen("net.0", "net.2")
    assert [(layer.role, layer.stands_in) for layer in measured.layers] == [
        ("block", False),
        ("output", True),
    ]
    (notice,) = measured.notices
    assert notice.about == "model.net.2"
    assert "the last of its blocks that was seen" in notice.text
    assert "CD301" in found(measured)
    whole = seen("net.0", "net.2", "output")
    assert [layer.role for layer in whole.layers] == ["block", "block", "output"]
    assert whole.notices == ()


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        (
            Cost(9, 220.0, 0.88, 0.005),
            "0.4 % of the training time (0.9 s of 3 min 40 s); stated share 0.5 %",
        ),
        (
            Cost(9, 0.05, 0.0011, 0.005),
            "2.2 % of the training time (1.1 ms of 50 ms); stated share 0.5 %",
        ),
        (
            Cost(9, 42.4, 12.6, 0.005),
            "30 % of the training time (13 s of 42 s); stated share 0.5 %",
        ),
        (
            Cost(9, 7_500.0, 3_725.0, 0.01),
            "50 % of the training time (1 h 2 min of 2 h 5 min); stated share 1 %",
        ),
        (
            Cost(9, 190_000.0, 0.0, 0.005),
            "0 % of the training time (0 ms of 2 d 4 h); stated share 0.5 %",
        ),
    ],
)
def test_what_watching_took_is_in_the_head(cost: Cost, said: str) -> None:
    kept = recording([normal(64, 8)])
    assert "watching took" not in from_recording(kept, title="run").subject.details
    kept.append(cost)
    measured = from_recording(kept, title="run")
    assert measured.subject.details["watching took"] == said
    assert measured.cost == cost
    assert measured.subject.notes == ()


def test_a_training_of_no_time_has_no_share() -> None:
    kept = recording([])
    kept.append(Cost(0, 0.0, 0.0, 0.005))
    assert "watching took" not in from_recording(kept, title="run").subject.details


def test_every_report_says_what_watching_took() -> None:
    kept = recording([normal(64, 8, seed) for seed in range(3)])
    kept.append(Cost(9, 220.0, 0.88, 0.005, limited=True))
    diagnosis = diagnose(from_recording(kept, title="run"))
    for report in (to_text(diagnosis), to_html(diagnosis), to_notebook(diagnosis)):
        words = " ".join(re.sub(r"<[^>]*>", " ", html.unescape(report)).split())
        assert "watching took 0.4 % of the training time (0.9 s of 3 min 40 s)" in words
        assert "stated share 0.5 %" in words
        assert "the Inspector looked less often than planned" in words
    assert json.loads(to_json(diagnosis))["cost"] == {
        "step": 9, "elapsed": 220.0, "spent": 0.88, "budget": 0.005, "limited": True,
    }  # fmt: skip
    assert json.loads(to_json(diagnose(of_file(normal(64, 8)))))["cost"] is None
