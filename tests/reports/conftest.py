"""Hand-made diagnoses: no rule and no training is needed to see how one is shown."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from collapse_doctor.causes.linking import linked
from collapse_doctor.findings import (
    Confidence,
    Diagnosis,
    Evidence,
    Finding,
    Link,
    Rival,
    Severity,
    Skipped,
    Subject,
    Where,
)
from collapse_doctor.measurements import LayerState, Measurements, Sample
from collapse_doctor.recording.observations import Notice
from collapse_doctor.reports import to_html

METRIC_COLUMNS = ("model", "layer", "step", "metric", "value", "null", "rows", "width")
RIVALS = (
    Rival(
        "CD503",
        "degenerate-labels",
        found=False,
        reason="no labels were handed over",
        test="hand the labels over: `inspector.step(labels=y)`",
    ),
    Rival(
        "CD204",
        "exploding-gradient",
        found=True,
        reason="explains a part of it as well",
        test="take as many steps with a tenth of the learning rate",
    ),
)
HOSTILE = "</style></script><script>alert(1)</script><img src=x onerror=alert(2)>\"' & [bold]x[/]"


def state(
    rows: np.ndarray,
    *,
    layer: str = "embeddings",
    model: str = "",
    role: str = "output",
    depth: int = 0,
    steps: np.ndarray | None = None,
    labels: np.ndarray | None = None,
    first: dict[str, float] | None = None,
) -> LayerState:
    """A layer whose values are worked out from ``rows`` in the plainest way."""
    finite = rows[np.isfinite(rows).all(axis=1)].astype(np.float64)
    n, d = finite.shape
    centred = finite - finite.mean(axis=0)
    singular = np.linalg.svd(centred, compute_uv=False)[: min(n - 1, d)]
    p = singular / singular.sum() if singular.sum() > 0 else np.eye(1, len(singular))[0]
    lengths = np.linalg.norm(finite, axis=1)
    units = finite / np.where(lengths > 0, lengths, 1)[:, None]
    mean_unit = float(np.linalg.norm(units.mean(axis=0)))
    scale = math.sqrt(float((finite**2).sum()))
    values = {
        "relative_dispersion": float(np.linalg.norm(centred)) / scale if scale else math.nan,
        "direction_dispersion": math.sqrt(max(0.0, 1 - mean_unit**2)),
        "mean_cosine": (n * mean_unit**2 - 1) / (n - 1),
        "effective_rank": float(np.exp(-(p[p > 0] * np.log(p[p > 0])).sum())),
        "top_share": float(singular[0] ** 2 / max((singular**2).sum(), 1e-300)),
        "norm_mean": float(lengths.mean()),
        "dead_share": float((np.ptp(finite, axis=0) == 0).mean()),
        "nonfinite_share": 1 - n / len(rows),
    }
    nulls = {"effective_rank": 0.85 * min(n - 1, d), "mean_cosine": 0.0, "dead_share": 0.0}
    return LayerState(
        model=model,
        layer=layer,
        role=role,
        depth=depth,
        count=n,
        width=d,
        dtype="float32",
        values=values,
        nulls=nulls,
        eigenvalues=singular**2 / (n - 1),
        first=first,
        first_step=0 if first else None,
        last_step=119 if first else None,
        sample=Sample(
            rows=rows.astype(np.float32),
            steps=np.zeros(len(rows), np.int64) if steps is None else steps,
            labels=labels,
        ),
    )


def empty_metrics() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in METRIC_COLUMNS})


def file_diagnosis(
    rows: np.ndarray, findings: tuple[Finding, ...] = (), *, labels: np.ndarray | None = None
) -> Diagnosis:
    subject = Subject(
        kind="embeddings",
        title="embeddings.pt",
        details={"rows": f"{len(rows):,}", "width": str(rows.shape[1]), "dtype": "float32"},
        notes=("Key `embeddings` was taken: the only matrix of numbers in the file.",),
    )
    measurements = Measurements(subject, empty_metrics(), layers=(state(rows, labels=labels),))
    return Diagnosis(
        subject=subject,
        findings=findings,
        skipped=(
            Skipped("CD101", "same-tensor", "a file holds no comparisons"),
            Skipped("CD102", "shared-storage", "a file holds no comparisons"),
            Skipped("CD503", "degenerate-labels", "no labels were given"),
        ),
        passed=("CD302", "CD304", "CD401", "CD402"),
        measurements=measurements,
        links=linked(findings),
    )


def complete_collapse() -> Finding:
    return Finding(
        code="CD301",
        name="complete-collapse",
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        message="Every input gets nearly the same vector: they differ by 0.3 % of their length.",
        where=Where(layer="embeddings"),
        evidence={
            "relative_dispersion": Evidence(0.003, 0.02, "<", 0.999, meaning="spread / length"),
            "mean_cosine": Evidence(0.99999, None, "", 0.0, meaning="of all pairs of rows"),
        },
        cause="Likely causes:\n\n- the loss has its minimum where all vectors agree\n"
        "- a learning rate so high that\n  one step destroyed the encoder",
        remedy="Add repulsion to the loss (negatives, or a variance term) and `watch` it.",
        refuted_by="Inputs that really are all the same.",
        explains=("CD306",),
    )


@pytest.fixture(scope="session")
def page_of(request) -> Callable[[str], str]:
    """The HTML page of a fixture by name, made once."""
    pages: dict[str, str] = {}

    def made(name: str) -> str:
        if name not in pages:
            pages[name] = to_html(request.getfixturevalue(name))
        return pages[name]

    return made


@pytest.fixture(scope="session")
def healthy() -> Diagnosis:
    generator = np.random.default_rng(0)
    labels = np.array([f"class {i % 10}" for i in range(300)])
    centres = generator.standard_normal((10, 32))
    rows = centres[np.arange(300) % 10] + generator.standard_normal((300, 32))
    return file_diagnosis(rows, labels=labels)


@pytest.fixture(scope="session")
def collapsed() -> Diagnosis:
    rows = 1 + 0.003 * np.random.default_rng(1).standard_normal((300, 32))
    cone = Finding(
        "CD306",
        "narrow-cone",
        Severity.WARNING,
        Confidence.HIGH,
        "All cosines are high: their mean is 0.99999.",
    )
    note = Finding(
        "CD601",
        "too-few-samples",
        Severity.INFO,
        Confidence.CERTAIN,
        "300 rows are few for width 32.",
    )
    return file_diagnosis(rows, (complete_collapse(), cone, note))


SOURCE = """\
def train_step(model, x):
    vector1_tensor = model(x)
    vector2_tensor = vector1_tensor
    similarity = F.cosine_similarity(vector1_tensor, vector2_tensor)
    loss = (1 - similarity).mean()
    return loss
"""


@pytest.fixture
def aliased(tmp_path) -> Diagnosis:
    """A watched training whose two operands are one; its source file is there and unchanged."""
    source = tmp_path / "train.py"
    source.write_text(SOURCE, encoding="utf-8")
    return aliased_training(str(source))


@pytest.fixture
def make_aliased() -> Callable[[str], Diagnosis]:
    return aliased_training


def aliased_training(file: str) -> Diagnosis:
    lines = SOURCE.splitlines()
    birth = Where(
        model="encoder",
        layer="head",
        step=0,
        file=file,
        line=3,
        source=lines[2],
        note="`vector2_tensor` becomes another name of `vector1_tensor` here",
    )
    site = Where(step=0, file=file, line=4, source=lines[3], note="the two are compared here")
    same = Finding(
        code="CD101",
        name="same-tensor",
        severity=Severity.ERROR,
        confidence=Confidence.CERTAIN,
        message="`vector1_tensor` and `vector2_tensor` are the same tensor object when "
        "`F.cosine_similarity` compares them, so every similarity is exactly 1.",
        where=birth,
        related=(site,),
        evidence={
            "comparisons": Evidence(120, 1, ">=", None, meaning="of a tensor with itself"),
            "cosine": Evidence(1.0, None, "", 0.0, meaning="smallest of all rows"),
        },
        cause="An assignment copies the name, not the tensor. The loss is 0 at every step, its "
        "gradient is 0, and the weights never learn from it.",
        remedy="Compute the second operand from the second view: `vector2_tensor = model(x2)`.",
        refuted_by="The two operands having different `id()` at the comparison.",
        explains=("CD301",),
    )
    training_collapse = Finding(
        "CD301",
        "complete-collapse",
        Severity.ERROR,
        Confidence.HIGH,
        "Layer `head` gives every input nearly the same vector from step 60 on.",
        where=Where(model="encoder", layer="head", step=60),
        evidence={"direction_dispersion": Evidence(0.0031, 0.02, "<", 0.999)},
        cause="The loss has no repulsion.",
        remedy="Repair CD101 first.",
    )
    return training(findings=(same, training_collapse))


def training(findings: tuple[Finding, ...] = ()) -> Diagnosis:
    generator = np.random.default_rng(2)
    steps = np.arange(0, 120, 4)
    frames = []
    for depth, layer in enumerate(("block1", "block2", "head")):
        fall = 1 / (1 + np.exp((steps - 55) / 6)) if layer == "head" else np.ones(len(steps))
        wobble = 1 + 0.02 * generator.standard_normal(len(steps))
        series = {
            "mean_cosine": (0.99999 - 0.6 * fall * wobble, 0.0),
            "relative_dispersion": (0.003 + 0.7 * fall * wobble, 1.0),
            "effective_rank": ((4 + 22 * fall - depth) * wobble, 28.0),
        }
        for metric, (values, null) in series.items():
            frames.append(
                pd.DataFrame(
                    {
                        "model": "encoder",
                        "layer": layer,
                        "step": steps,
                        "metric": metric,
                        "value": values,
                        "null": null,
                        "rows": 64,
                        "width": 32,
                    }
                )
            )
    losses = pd.DataFrame({"step": np.arange(120), "value": 0.4 * np.exp(-np.arange(120) / 25)})
    snapshots = np.repeat([0, 60, 116], 64)
    spread = np.repeat([1.0, 0.1, 0.003], 64)[:, None]
    rows = 1 + spread * generator.standard_normal((192, 32))
    first = {"mean_cosine": 0.4, "relative_dispersion": 0.703, "effective_rank": 24.1}
    layers = (
        state(generator.standard_normal((192, 32)), layer="block1", model="encoder", role="block"),
        state(rows, layer="head", model="encoder", depth=2, steps=snapshots, first=first),
    )
    subject = Subject(
        "recording", "train.py", {"steps": "120", "layers": "3", "loss": "0.4 → 0.0034"}
    )
    measurements = Measurements(
        subject,
        pd.concat(frames, ignore_index=True),
        layers=layers,
        losses=losses,
        notices=(Notice("block1", "Pooled over 49 positions: (64, 32, 7, 7) became (64, 32)."),),
        steps=120,
        trained=True,
        watched_comparisons=True,
        unseen={"labels": "No labels were handed over; pass `labels=` to `inspector.step()`."},
    )
    return Diagnosis(
        subject,
        findings,
        skipped=(Skipped("CD503", "degenerate-labels", "no labels were handed over"),),
        passed=("CD102", "CD103", "CD104", "CD105", "CD106", "CD302", "CD304", "CD401", "CD402"),
        measurements=measurements,
        links=linked(findings),
        rivals=RIVALS if findings else (),
    )


@pytest.fixture(scope="session")
def cut_short() -> Diagnosis:
    """Nothing wrong was found, until the Inspector switched itself off."""
    sound = training()
    measured = sound.measurements
    reason = "switched itself off after a fault of its own: ZeroDivisionError: division by zero"
    return dataclasses.replace(
        sound,
        measurements=dataclasses.replace(
            measured,
            notices=(Notice("inspector", reason, 3), *measured.notices),
            unseen={**measured.unseen, "inspector": reason},
        ),
    )


@pytest.fixture(scope="session")
def broken() -> Diagnosis:
    """NaN everywhere it can be: rows, values, losses, evidence."""
    rows = np.random.default_rng(3).standard_normal((80, 8))
    rows[::2] = np.nan
    finding = Finding(
        "CD401",
        "non-finite",
        Severity.ERROR,
        Confidence.CERTAIN,
        "Half of the rows hold NaN.",
        where=Where(layer="embeddings", step=3),
        evidence={"share": Evidence(math.nan, 0.0, ">", math.inf, "rows")},
    )
    subject = Subject("recording", "broken", {})
    metrics = pd.DataFrame(
        [
            ("", "embeddings", step, metric, math.nan, math.nan, 80, 8)
            for step in range(4)
            for metric in ("mean_cosine", "relative_dispersion", "effective_rank")
        ],
        columns=list(METRIC_COLUMNS),
    )
    losses = pd.DataFrame({"step": [0, 1, 2], "value": [0.5, math.nan, math.inf]})
    measurements = Measurements(subject, metrics, layers=(state(rows),), losses=losses, steps=4)
    return Diagnosis(subject, (finding,), measurements=measurements)


@pytest.fixture(scope="session")
def hostile() -> Diagnosis:
    """Foreign strings that try to become markup, escape sequences, or a formula."""
    evil = HOSTILE + "\x1b[31m\u202e$\\frac{1}{0}$\x00\ud800"
    rows = np.random.default_rng(4).standard_normal((60, 8))
    labels = np.array([evil if i % 2 else f"{evil}{i}" for i in range(60)], dtype=object)
    where = Where(evil, evil, 1, evil, 3, evil, evil)
    finding = Finding(
        evil,
        evil,
        Severity.ERROR,
        Confidence.LOW,
        evil,
        where,
        (where,),
        {evil: Evidence(evil, evil, "<", 1.0, evil, evil)},
        evil,
        f"- {evil}\n\n    {evil}",
        evil,
        (evil,),
    )
    subject = Subject(evil, evil, {evil: evil}, (evil,))
    measurements = Measurements(
        subject,
        empty_metrics(),
        layers=(state(rows, layer=evil, model=evil, labels=labels),),
        notices=(Notice(evil, evil),),
        unseen={evil: evil},
    )
    skipped = (Skipped(evil, evil, evil),)
    findings = (finding, dataclasses.replace(finding), dataclasses.replace(finding))
    rivals = (Rival(evil, evil, found=True, reason=evil, test=evil),)
    return Diagnosis(subject, findings, skipped, (evil,), measurements, (Link(0, 1, evil),), rivals)


@pytest.fixture(scope="session")
def blind() -> Diagnosis:
    """Nothing could be examined."""
    skipped = (Skipped("CD301", "complete-collapse", "no layer was measured"),)
    return Diagnosis(Subject("recording", "empty", {}), skipped=skipped)
