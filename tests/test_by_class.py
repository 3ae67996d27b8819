"""Measures by class of a file: against closed forms, beside labels dealt out anew."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from collapse_doctor.api import analyze
from collapse_doctor.measurements.by_class import by_class
from collapse_doctor.reports import to_html, to_json, to_text
from collapse_doctor.reports.readings import readings
from collapse_doctor.summary import EmbeddingSummary

K, WIDTH, SIGMA = 10, 32, 0.3


def simplex_with_noise(rows: int = 2000, seed: int = 0):
    """Unit vertices of a simplex with isotropic noise: every measure has a closed form."""
    random = np.random.default_rng(seed)
    centred = np.eye(K) - 1 / K
    turn = np.linalg.qr(random.normal(size=(WIDTH, K)))[0]
    corners = centred / np.linalg.norm(centred, axis=1, keepdims=True) @ turn.T
    labels = np.arange(rows) % K
    return corners[labels] + SIGMA * random.normal(size=(rows, WIDTH)), labels


def of(rows, labels):
    return by_class(EmbeddingSummary.of(torch.from_numpy(np.asarray(rows)), labels))


def test_closed_forms_on_a_simplex():
    found = of(*simplex_with_noise()).values
    total = 1 + SIGMA**2 * WIDTH
    assert found["within_share"] == pytest.approx(SIGMA**2 * WIDTH / total, rel=0.02)
    assert found["variability_ratio"] == pytest.approx(SIGMA**2 * (K - 1) ** 2 / K, rel=0.05)
    assert found["variability"] == pytest.approx(SIGMA**2 * WIDTH * (K - 1) / (2 * K), rel=0.05)
    assert found["equiangularity"] < 0.15
    assert found["label_agreement"] > 0.7


def test_labels_dealt_out_anew_are_the_null_and_shuffled_labels_read_it():
    rows, labels = simplex_with_noise()
    shuffled = np.random.default_rng(7).permutation(labels)
    found = of(rows, shuffled)
    assert found.values["within_share"] == pytest.approx(found.nulls["within_share"], rel=0.01)
    assert found.values["variability_ratio"] == pytest.approx(
        found.nulls["variability_ratio"], rel=0.3
    )
    assert found.nulls["label_agreement"] == pytest.approx(0.1)
    assert found.values["label_agreement"] == pytest.approx(0.1, abs=0.03)


def test_the_interval_of_the_share_within_covers_other_draws():
    truth = np.mean([of(*simplex_with_noise(400, s)).values["within_share"] for s in range(40)])
    ends = [of(*simplex_with_noise(400, s)).intervals["within_share"] for s in range(40)]
    assert np.mean([low <= truth <= high for low, high in ends]) >= 0.85


@pytest.mark.parametrize("labels", [None, ["a"] * 2000, list(range(2000))])
def test_without_two_classes_of_two_rows_there_is_nothing(labels):
    rows, _ = simplex_with_noise()
    assert of(rows, labels).values == {}


def test_many_classes_and_wide_rows_leave_out_what_would_take_long():
    rows, _ = simplex_with_noise()
    assert "variability_ratio" not in of(rows, np.arange(2000) % 300).values
    wide = np.random.default_rng(0).normal(size=(60, 2100))
    assert "variability_ratio" not in of(wide, np.arange(60) % 3).values
    assert "variability" in of(wide, np.arange(60) % 3).values


def test_the_reports_show_value_null_interval_and_meaning():
    rows, labels = simplex_with_noise()
    diagnosis = analyze(torch.from_numpy(rows), labels=labels)
    shown = {row.title: row for row in readings(diagnosis.measurements.layers[0])}
    for title in ("Uniformity", "IsoScore", "Hubness", "Within over between (NC1)"):
        assert shown[title].value
        assert shown[title].null
        assert shown[title].meaning
        assert shown[title].group
    for title in ("Mean cosine", "Uniformity", "Variance within classes"):
        assert " – " in shown[title].interval
        assert shown[title].interval in to_html(diagnosis)
        assert shown[title].interval in to_text(diagnosis)
    assert "labels dealt out anew" in to_html(diagnosis)
    assert '"intervals"' in to_json(diagnosis)


def test_no_line_of_the_terminal_ends_in_blanks():
    text = to_text(analyze(torch.from_numpy(simplex_with_noise()[0])))
    assert "Mean cosine" in text
    assert all(line == line.rstrip() for line in text.splitlines())


def test_a_training_has_no_table_on_the_terminal(tmp_path):
    from collapse_doctor.api import Inspector

    model = torch.nn.Linear(8, 8)
    with Inspector(model) as inspector:
        for _ in range(5):
            model(torch.randn(16, 8))
    assert "95 % of draws" not in str(inspector.diagnose())
