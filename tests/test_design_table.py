"""Each shape that embeddings fall into, written to a file and read back: verdict and code.

The shapes are those on which single measures are blind: centred ones call a point with noise
healthy, cosines do not see a line, and no spectrum sees copies.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from collapse_doctor.api import Diagnosis, analyze
from collapse_doctor.findings import Severity, Verdict

ROWS, WIDTH = 1000, 128
RANDOM = np.random.default_rng(0)
NORMAL = RANDOM.normal(size=(ROWS, WIDTH))
ONE = RANDOM.normal(size=WIDTH)
SIGNS = RANDOM.choice([-1.0, 1.0], size=(ROWS, 1))
LABELS = np.arange(ROWS) % 10
POINTS = RANDOM.normal(size=(10, WIDTH))[LABELS]
RANK_5 = RANDOM.normal(size=(ROWS, 5)) @ RANDOM.normal(size=(5, WIDTH))
ALIVE = np.arange(WIDTH) % 10 == 0

# name: rows, verdict, codes above info (all of them), codes told as info
SHAPES: dict[str, tuple[np.ndarray, Verdict, set[str], set[str]]] = {
    "healthy isotropic": (NORMAL, Verdict.HEALTHY, set(), set()),
    "fewer rows than dimensions": (NORMAL[:100], Verdict.HEALTHY, set(), set()),
    "far fewer rows than dimensions": (NORMAL[:40], Verdict.HEALTHY, set(), {"CD601"}),
    "power law": (NORMAL * np.arange(1, 129) ** -0.5, Verdict.HEALTHY, set(), set()),
    "one vector": (np.tile(ONE, (ROWS, 1)), Verdict.SICK, {"CD301"}, set()),
    "one vector, noise 1e-6": (ONE + 1e-6 * NORMAL, Verdict.SICK, {"CD301"}, set()),
    "one vector, noise 1e-2": (ONE + 1e-2 * NORMAL, Verdict.SICK, {"CD301"}, set()),
    "cone": (NORMAL + 3.0, Verdict.SUSPECT, {"CD306"}, {"CD313"}),
    "line through the origin": (SIGNS * ONE, Verdict.SICK, {"CD302", "CD303"}, set()),
    "five dimensions": (RANK_5, Verdict.SICK, {"CD303"}, set()),
    "a tenth of the dimensions": (NORMAL * ALIVE, Verdict.SUSPECT, {"CD304"}, set()),
}

FORMATS: dict[str, Callable[[Path, np.ndarray], None]] = {
    ".npy": lambda path, rows: np.save(path, rows.astype("f4")),
    ".pt": lambda path, rows: torch.save(torch.from_numpy(rows.astype("f4")), path),
    ".safetensors": lambda path, rows: save_file(
        {"embeddings": torch.from_numpy(rows.astype("f4"))}, path
    ),
}


def told(diagnosis: Diagnosis) -> tuple[set[str], set[str]]:
    """Return the codes above info, and those told as info."""
    alarms = {one.code for one in diagnosis.findings if one.severity is not Severity.INFO}
    return alarms, {one.code for one in diagnosis.findings} - alarms


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_file_of_this_shape_gets_its_verdict_and_code(shape, suffix, tmp_path):
    rows, verdict, alarms, infos = SHAPES[shape]
    path = tmp_path / f"embeddings{suffix}"
    FORMATS[suffix](path, rows)
    diagnosis = analyze(path)
    assert diagnosis.verdict is verdict
    found = told(diagnosis)
    assert found[0] - {"CD305", "CD502"} == alarms
    assert found[1] <= infos | {"CD306", "CD313"}
    assert infos - {"CD313"} <= found[1]


def test_what_was_not_examined_is_said_where_rows_are_few(tmp_path):
    np.save(tmp_path / "few.npy", NORMAL[:40])
    diagnosis = analyze(tmp_path / "few.npy")
    assert diagnosis.verdict is Verdict.HEALTHY
    assert "CD303" in {one.code for one in diagnosis.skipped}, "too few rows to judge a rank"


def test_scalar_multiples_of_one_vector_are_one_direction(tmp_path):
    """Their lengths differ, so vectors are not one; their directions are."""
    np.save(tmp_path / "ray.npy", RANDOM.uniform(0.05, 1, size=(ROWS, 1)) * ONE)
    diagnosis = analyze(tmp_path / "ray.npy")
    assert diagnosis.verdict is Verdict.SICK
    assert told(diagnosis)[0] & {"CD301", "CD302"}
    assert diagnosis.measurements.layers[0].values["direction_dispersion"] < 1e-6


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_ten_class_points_with_labels_are_neural_collapse_and_no_alarm(noise, tmp_path):
    np.savez(tmp_path / "points.npz", embeddings=POINTS + noise * NORMAL, labels=LABELS)
    diagnosis = analyze(tmp_path / "points.npz", labels="labels")
    alarms, infos = told(diagnosis)
    assert "CD307" in infos
    assert not alarms & {"CD301", "CD302", "CD303", "CD304", "CD306", "CD307"}


def test_ten_points_without_labels_span_few_dimensions(tmp_path):
    np.save(tmp_path / "points.npy", POINTS)
    diagnosis = analyze(tmp_path / "points.npy")
    # ten vectors are more than the handful of CD305; they span nine dimensions at most
    assert "CD303" in told(diagnosis)[0]
    assert diagnosis.verdict is not Verdict.HEALTHY


def test_half_of_the_rows_being_copies_are_duplicates(tmp_path):
    np.save(tmp_path / "copied.npy", np.tile(NORMAL[:500], (2, 1)))
    diagnosis = analyze(tmp_path / "copied.npy")
    assert told(diagnosis)[0] == {"CD502"}
    assert diagnosis.verdict is Verdict.SUSPECT


def test_a_rare_class_of_one_vector_is_named_though_the_whole_is_fine(tmp_path):
    labels = np.where(np.arange(ROWS) < 8, "rare", np.array(["a", "b", "c"])[np.arange(ROWS) % 3])
    rows = np.where((labels == "rare")[:, None], ONE, NORMAL)
    np.savez(tmp_path / "rare.npz", embeddings=rows, labels=labels)
    diagnosis = analyze(tmp_path / "rare.npz", labels="labels")
    assert diagnosis.primary is not None
    assert diagnosis.primary.code == "CD307"
    assert "rare (8 rows)" in diagnosis.primary.message


def test_every_rank_and_cosine_that_was_judged_states_its_interval(tmp_path):
    judged = {"CD301": "relative_dispersion", "CD306": "mean_cosine", "CD303": "rank_ratio"}
    for shape, code in (("one vector, noise 1e-2", "CD301"), ("cone", "CD306")):
        found = next(one for one in analyze(SHAPES[shape][0]).findings if one.code == code)
        number = found.evidence[judged[code]]
        assert number.interval is not None
        assert number.interval[0] <= float(number.value) <= number.interval[1]
    (rank,) = analyze(RANK_5, select=["CD303"]).findings
    assert rank.evidence["rank_ratio"].interval is not None
