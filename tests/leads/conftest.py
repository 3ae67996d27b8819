"""Findings of a program that is written out: its lines are told by marks in it."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from pathlib import Path

import pytest

from collapse_doctor.findings import Confidence, Finding, Severity, Where
from collapse_doctor.leads.telling import led

Leads = dict[int, str]


def line_of(text: str, mark: str) -> int | None:
    """Return the line with a mark, ``# here``; None if there is none."""
    lines = text.splitlines()
    return next((n for n, line in enumerate(lines, 1) if line.endswith(f"# {mark}")), None)


@pytest.fixture
def leads(tmp_path: Path) -> Callable[..., set[str]]:
    """Give a finding at ``# here``, compared at ``# meets``, its leads; return their texts.

    Every lead must say why it is named.
    """

    def follow(code: str, text: str, message: str = "") -> set[str]:
        path = tmp_path / "training.py"
        path.write_text(text, encoding="utf-8")
        linecache.clearcache()  # one path, another program
        lines = text.splitlines()

        def at(mark: str, note: str = "") -> Where:
            line = line_of(text, mark)
            source = lines[line - 1].strip() if line is not None else None
            return Where("model", "output", 0, str(path), line, source, note)

        met = (at("meets", "the two are compared here"),) if line_of(text, "meets") else ()
        finding = Finding(
            code, code.lower(), Severity.ERROR, Confidence.HIGH, message, at("here"), met
        )
        found = led(finding).related[len(met) :]
        assert all(one.note and one.model == "model" for one in found)
        assert all(one.source == lines[(one.line or 0) - 1].strip() for one in found)
        return {one.source or "" for one in found}

    return follow
