"""CD307: one class that collapsed by itself, and what only looks so."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn import datasets

from collapse_doctor.api import analyze
from collapse_doctor.findings import Severity
from collapse_doctor.rules.rule import NotExamined

WIDTH = 64


def classes_of(within: list[float], counts: list[int]) -> pd.DataFrame:
    labels = [f"c{place}" for place in range(len(within))]
    return pd.DataFrame({"label": labels, "count": counts, "within": within})


def rows_of(counts: dict[int, int], width: int = WIDTH, seed: int = 0):
    """Spread rows about the mean of their class, and their labels."""
    random = np.random.default_rng(seed)
    labels = np.repeat(list(counts), list(counts.values()))
    means = random.normal(size=(max(counts) + 1, width))
    return (means[labels] + random.normal(size=(len(labels), width))).astype(np.float32), labels


def findings(rows, labels):
    diagnosis = analyze(torch.from_numpy(np.asarray(rows)), labels=labels)
    return [found for found in diagnosis.findings if found.code == "CD307"]


def test_one_class_without_spread_is_named(file_of, check) -> None:
    table = classes_of([1.0, 1.1, 0.0, 0.9], [100, 100, 8, 100])
    (match,) = check("CD307", file_of(classes=table, eigenvalues=np.full(64, 1 / 32)))
    assert match.severity is Severity.WARNING
    assert "c2 (8 rows)" in match.message
    assert match.evidence["class_spread"].value == 0.0
    assert match.evidence["class_rows"].value == 8


def test_the_bound_is_a_twentieth_of_the_middle_class(file_of, check) -> None:
    for ratio, found in ((0.049, 1), (0.051, 0)):
        table = classes_of([1.0, 1.0, ratio**2, 1.0], [100] * 4)
        matches = check("CD307", file_of(classes=table, eigenvalues=np.full(64, 1 / 32)))
        assert len(matches) == found


def test_other_classes_that_are_points_too_are_neural_collapse(file_of, check) -> None:
    table = classes_of([1e-3, 1e-3, 0.0, 1e-3], [100] * 4)
    (match,) = check("CD307", file_of(classes=table, eigenvalues=np.full(64, 1.0)))
    assert match.severity is None  # the rule's own: info
    assert "rows of each class" in match.message


def test_two_rows_are_too_few_and_classes_of_one_have_no_spread(file_of, check) -> None:
    table = classes_of([1.0, 1.1, 0.0, 0.0], [200, 200, 2, 1])
    assert check("CD307", file_of(classes=table, eigenvalues=np.full(64, 1 / 32))) == []


def test_few_classes_of_few_rows_are_still_said_to_be_too_few(file_of, check) -> None:
    with pytest.raises(NotExamined, match="too few for 3 classes"):
        check("CD307", file_of(classes=classes_of([1.0, 1.0, 1.0], [4, 4, 4])))


@pytest.mark.parametrize("noise", [0.0, 1e-6, 1e-2])
@pytest.mark.parametrize("count", [3, 6, 40])
def test_a_rare_class_of_one_vector_is_found_in_a_file(noise, count) -> None:
    rows, labels = rows_of({0: 300, 1: 300, 2: 300, 3: count})
    own = labels == 3
    random = np.random.default_rng(1)
    rows[own] = rows[own][0] + noise * random.normal(size=(count, WIDTH))
    (found,) = findings(rows, labels)
    assert found.severity is Severity.WARNING
    assert f"class 3 ({count} rows)" in found.message


def test_the_largest_class_and_string_labels_are_named_as_well() -> None:
    rows, labels = rows_of({0: 500, 1: 60, 2: 60})
    rows[labels == 0] = rows[0]
    (found,) = findings(rows, np.array(["cat", "dog", "owl"])[labels])
    assert "class cat (500 rows)" in found.message


def test_one_of_two_classes() -> None:
    rows, labels = rows_of({0: 400, 1: 12})
    rows[labels == 1] = rows[-1]
    (found,) = findings(rows, labels)
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize("seed", range(5))
def test_two_to_eight_isotropic_rows_in_768_dimensions_are_not_collapsed(seed) -> None:
    counts = {0: 200, 1: 200} | {label: label for label in range(2, 9)}
    rows, labels = rows_of(counts, width=768, seed=seed)
    assert findings(rows, labels) == []


@pytest.mark.parametrize("seed", range(10))
def test_rare_classes_with_one_direction_to_differ_in_are_not_collapsed(seed) -> None:
    """Three rows on a line lie within a twentieth of the others' spread once in 400 draws."""
    random = np.random.default_rng(seed)
    labels = np.concatenate([np.repeat([0, 1], 150), np.repeat(np.arange(2, 200), 3)])
    means = random.normal(size=(200, 16))
    rows = means[labels] + random.normal(size=(len(labels), 1)) * np.eye(16)[0] * 4
    assert findings(rows.astype(np.float32), labels) == []


@pytest.mark.parametrize("name", ["digits", "wine", "iris", "breast_cancer"])
@pytest.mark.parametrize("form", ["raw", "standardised", "normalised"])
def test_classes_of_natural_data_spread_by_much_more_than_the_bound(name, form) -> None:
    rows, labels = getattr(datasets, f"load_{name}")(return_X_y=True)
    if form == "standardised":
        rows = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-9)
    elif form == "normalised":
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    spreads = []
    for label in np.unique(labels):
        own = rows[labels == label]
        spreads.append(np.square(own - own.mean(axis=0)).sum() / (len(own) - 1))
    for place, spread in enumerate(spreads):
        ratio = np.sqrt(spread / np.median(np.delete(spreads, place)))
        assert 0.29 < ratio < 3.4
    assert not [found for found in findings(rows, labels) if found.severity is Severity.WARNING]
