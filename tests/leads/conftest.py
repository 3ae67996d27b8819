"""Findings of a program that is written out: its lines are told by marks in it."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import replace
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
        told = led(finding_at(path, text, code, message))
        own, *others = (told.where, *told.related)
        known = {line_of(text, "here"), line_of(text, "meets")}
        found = [one for one in (own, *others) if one.line not in known]
        assert told.where.step == 0
        assert all(one.note for one in others)
        assert all(one.note and one.model == "model" for one in found)
        assert all(one.source == lines[(one.line or 0) - 1].strip() for one in found)
        return {one.source or "" for one in found}

    return follow


@pytest.fixture
def cause(tmp_path: Path) -> Callable[..., str | None]:
    """Give a finding at ``# here``, compared at ``# meets``, its leads: what is to be changed."""

    def follow(code: str, text: str, message: str = "", why: str = "") -> str | None:
        path = tmp_path / "training.py"
        path.write_text(text, encoding="utf-8")
        linecache.clearcache()
        finding = replace(finding_at(path, text, code, message), cause=why)
        return led(finding).where.source

    return follow


def finding_at(path: Path, text: str, code: str, message: str) -> Finding:
    """Return a finding at the line marked ``# here``, with that marked ``# meets`` as related."""
    lines = text.splitlines()

    def at(mark: str, note: str = "") -> Where:
        line = line_of(text, mark)
        source = lines[line - 1].strip() if line is not None else None
        return Where("model", "output", 0, str(path), line, source, note)

    met = (at("meets", "the two are compared here"),) if line_of(text, "meets") else ()
    return Finding(code, code.lower(), Severity.ERROR, Confidence.HIGH, message, at("here"), met)
