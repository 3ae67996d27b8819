"""From a training to its diagnosis: shapes and dimensions that are mistaken are named."""

from __future__ import annotations

import inspect

import pytest
import torch
from torch import nn

from collapse_doctor.api import Diagnosis, Inspector
from tests.inspector.shape_programs import (
    ALONG,
    CLASSES,
    INNOCENT,
    ROWS,
    SPREAD,
    WIDTH,
    Body,
    Given,
)


def diagnose(body: Body, steps: int = 4, rows: int = ROWS) -> Diagnosis:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, WIDTH))
    head, logits = nn.Linear(WIDTH, 1), nn.Linear(WIDTH, CLASSES)
    classifier = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, CLASSES))
    modules = nn.ModuleList([model, head, logits, classifier])
    optimizer = torch.optim.SGD(modules.parameters(), lr=0.01)
    memory = {"classifier": classifier}
    with Inspector({"model": model, "classifier": classifier}) as inspector:
        for _ in range(steps):
            view1, view2 = torch.randn(2, rows, 20)
            y = torch.randint(0, 2, (rows, 1)).float()
            classes = torch.randint(0, CLASSES, (rows,))
            loss = body(Given(model, head, logits, view1, view2, y, classes, memory))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    assert not [n for n in inspector.recording.notices if n.about == "inspector"]
    return inspector.diagnose()


def shapes(diagnosis: Diagnosis) -> dict[str, int | None]:
    found: dict[str, int | None] = {}
    for finding in diagnosis.findings:
        if finding.code in ("CD205", "CD206"):
            found.setdefault(finding.code, finding.where.line)
    return found


def marked(body: Body) -> int | None:
    lines, first = inspect.getsourcelines(body)
    return next(
        (first + n for n, line in enumerate(lines) if line.rstrip().endswith("# here")), None
    )


@pytest.mark.parametrize("name", SPREAD)
def test_all_pairs_where_pairs_were_meant(name: str) -> None:
    found = shapes(diagnose(SPREAD[name]))
    assert found == {"CD205": marked(SPREAD[name])}


@pytest.mark.parametrize("name", ALONG)
def test_work_along_the_batch_where_rows_were_meant(name: str) -> None:
    found = shapes(diagnose(ALONG[name]))
    assert list(found) == ["CD206"]
    assert marked(ALONG[name]) in (None, found["CD206"])


@pytest.mark.parametrize("name", INNOCENT)
def test_look_alikes_are_silent(name: str) -> None:
    assert shapes(diagnose(INNOCENT[name], steps=6)) == {}
