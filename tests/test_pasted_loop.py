"""The loop that people ask about, pasted as it stands: what is found, and that nothing changes."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor.api import Diagnosis, Inspector
from collapse_doctor.cases.aliasing.aliased_loop import trans_VGG
from collapse_doctor.cases.data import digit_batches, seeded

DEVICE = "cpu"


class Unwatched(contextlib.AbstractContextManager):
    def __init__(self, _model: nn.Module) -> None:
        """Take what an Inspector takes."""

    def __exit__(self, *_error: object) -> None:
        pass

    def step(self, **_told: Any) -> None:
        """Hear what an Inspector is told."""


def pasted(
    watch: Callable[[nn.Module], Any], *, tell_labels: bool
) -> tuple[list[float], nn.Module, Any]:
    losses = []
    with seeded(0) as generator:
        train_loader = digit_batches(generator, size=32, batch_size=32)
        model = trans_VGG()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        with watch(model) as inspector:
            for i, (_image1, _label1) in enumerate(train_loader):
                image1 = _image1.to(DEVICE)
                label1 = _label1[0]
                vector1_tensor = model(image1)
                if i == 0:
                    image2 = image1
                    label2 = label1
                    vector2_tensor = vector1_tensor  # born at step 0
                similarity = F.cosine_similarity(vector1_tensor, vector2_tensor, dim=-1)  # met
                loss = F.relu(similarity - 0.5).mean()
                if label1 == label2:
                    loss = (1 - similarity).mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                if tell_labels:
                    inspector.step(labels=label1)
                image2 = image1.clone()  # noqa: F841 - pasted
                label2 = label1
                vector2_tensor = vector1_tensor.detach()  # born afterwards
    return losses, model, inspector


def line_of(mark: str) -> int:
    lines, first = inspect.getsourcelines(pasted)
    return first + next(n for n, line in enumerate(lines) if line.rstrip().endswith(mark))


@pytest.fixture(scope="module")
def diagnosis() -> Diagnosis:
    inspector: Inspector = pasted(Inspector, tell_labels=True)[2]
    return inspector.diagnose()


def found(diagnosis: Diagnosis, code: str) -> Any:
    return next(finding for finding in diagnosis.findings if finding.code == code)


def test_the_first_step_compares_a_tensor_with_itself(diagnosis: Diagnosis) -> None:
    primary = diagnosis.primary
    assert primary is not None
    assert primary.code == "CD101"
    assert primary.where.step == 0
    assert primary.where.file == __file__
    assert primary.where.line == line_of("# born at step 0")
    assert [place.line for place in primary.related] == [line_of("# met")]
    assert "`vector1_tensor` and `vector2_tensor`" in primary.message
    assert diagnosis.verdict == "sick"


def test_the_steps_after_it_compare_with_the_past(diagnosis: Diagnosis) -> None:
    stale = found(diagnosis, "CD106")
    assert stale.where.step == 1
    assert stale.where.line == line_of("# born afterwards")
    assert line_of("# met") in [place.line for place in stale.related]


def test_one_label_for_a_batch_is_found_once_it_is_told(diagnosis: Diagnosis) -> None:
    assert found(diagnosis, "CD503").severity == "error"
    silent = pasted(Inspector, tell_labels=False)[2].diagnose()
    assert "CD503" not in {finding.code for finding in silent.findings}


def test_losses_and_parameters_are_bit_identical() -> None:
    losses, model, _ = pasted(Unwatched, tell_labels=True)
    watched_losses, watched, _ = pasted(Inspector, tell_labels=True)
    assert losses == watched_losses
    pairs = zip(model.parameters(), watched.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
