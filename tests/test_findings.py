"""Diagnoses as values: compared, hashed, copied."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from collapse_doctor.api import analyze
from collapse_doctor.findings import Confidence, Evidence, Finding, Severity


@pytest.fixture(scope="module")
def rows() -> np.ndarray:
    return np.ones((300, 8), np.float32)


def test_a_diagnosis_equals_its_copies_and_no_other(rows: np.ndarray) -> None:
    sick = analyze(rows)
    for same in (pickle.loads(pickle.dumps(sick)), copy.deepcopy(sick), analyze(rows)):
        assert same == sick
        assert hash(same) == hash(sick)
    healthy = analyze(np.random.default_rng(0).standard_normal((300, 8)))
    assert len({sick, healthy}) == 2


def test_findings_differ_by_their_evidence() -> None:
    def finding(value: float) -> Finding:
        evidence = {"n": Evidence(value)}
        severity, confidence = Severity.INFO, Confidence.LOW
        return Finding("CD601", "few", severity, confidence, "few", evidence=evidence)

    assert finding(1) == finding(1)
    assert hash(finding(1)) == hash(finding(1))
    assert finding(1) != finding(2)
