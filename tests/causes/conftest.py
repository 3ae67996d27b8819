"""Hand-made findings, of which only code, place and weight matter here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from collapse_doctor.causes.linking import linked
from collapse_doctor.causes.ordering import arranged
from collapse_doctor.findings import Confidence, Finding, Severity, Where


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """One finding of the model ``model``, an error of high confidence unless told otherwise."""

    def make(
        code: str,
        step: int | None = None,
        *,
        line: int | None = None,
        model: str | None = "model",
        layer: str | None = None,
        severity: str = "error",
        confidence: str = "high",
        related: Sequence[Where] = (),
        **more: Any,
    ) -> Finding:
        file = None if line is None else "train.py"
        where = Where(model=model, layer=layer, step=step, file=file, line=line)
        weight = Severity(severity), Confidence(confidence)
        return Finding(code, code.lower(), *weight, "it holds", where, tuple(related), **more)

    return make


@pytest.fixture
def order() -> Callable[..., list[str]]:
    """The codes of findings in the order in which they are told."""

    def told(*findings: Finding, **options: Any) -> list[str]:
        placed, _ = arranged(findings, linked(findings, **options))
        return [one.code for one in placed]

    return told


@pytest.fixture
def pairs() -> Callable[..., set[tuple[str, str]]]:
    """Which codes of findings follow from which."""

    def found(*findings: Finding, **options: Any) -> set[tuple[str, str]]:
        links = linked(findings, **options)
        return {(findings[link.cause].code, findings[link.effect].code) for link in links}

    return found
