from __future__ import annotations

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from collapse_doctor.errors import InputError
from collapse_doctor.projections import NotDrawn, Projection, pca, tsne


def gaussian(n: int, d: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def reference_plane(rows: np.ndarray) -> np.ndarray:
    """The first two right singular vectors, by float64 SVD of the centred rows."""
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    return np.linalg.svd(centred, full_matrices=False)[2][:2]


@pytest.mark.parametrize("shape", [(300, 20), (20, 300)])
def test_pca_agrees_with_the_singular_value_decomposition(shape):
    rows = gaussian(*shape) * np.linspace(3, 1, shape[1], dtype=np.float32)
    centred = rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    drawn = pca(rows)
    assert isinstance(drawn, Projection)
    assert np.abs(drawn.points) == pytest.approx(np.abs(u[:, :2] * s[:2]), abs=1e-8)
    assert drawn.explained == pytest.approx(s[:2] ** 2 / (s**2).sum())
    assert drawn.norm == pytest.approx(np.sqrt((rows.astype(np.float64) ** 2).sum(1).mean()))
    assert drawn.spread == pytest.approx(np.sqrt((centred**2).sum(1).mean()))


@pytest.mark.parametrize("spread", [1e-1, 1e-3, 1e-4])
def test_pca_finds_the_true_plane_of_nearly_collapsed_float32_rows(spread):
    # More than ten rows per dimension: where a Gram matrix formed before centring goes wrong.
    shape = np.linspace(4, 1, 64, dtype=np.float32) ** 2
    rows = (1 + np.float32(spread / 30) * gaussian(2_000, 64) * shape).astype(np.float32)
    drawn = pca(rows)
    assert isinstance(drawn, Projection)
    plane = reference_plane(rows)
    projected = (rows.astype(np.float64) - rows.astype(np.float64).mean(axis=0)) @ plane.T
    for axis in range(2):
        cosine = np.corrcoef(drawn.points[:, axis], projected[:, axis])[0, 1]
        assert abs(cosine) > 1 - 1e-6


def test_the_picture_of_scaled_rows_is_the_scaled_picture():
    rows = gaussian(50, 8)
    one, many = pca(rows), pca(rows.astype(np.float64) * 1e200)
    assert isinstance(one, Projection)
    assert isinstance(many, Projection)
    assert many.points / 1e200 == pytest.approx(one.points, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("project", [pca, tsne])
@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (np.zeros((40, 6), np.float32), "zero"),
        (np.full((40, 6), 0.1, np.float32), "exactly the same"),
        (1 + 1e-8 * gaussian(40, 6).astype(np.float64), "rounding"),
        (np.full((40, 6), np.nan), "finite"),
        (np.ones((1, 6)), "finite"),
        (np.empty((0, 6)), "finite"),
    ],
    ids=["zeros", "constant", "rounding", "nan", "one", "none"],
)
def test_a_cloud_of_rounding_becomes_a_sentence(project, rows, says):
    result = project(rows, resolution=float(np.finfo(np.float32).eps))
    assert isinstance(result, NotDrawn)
    assert says in result.reason


def test_the_resolution_of_the_source_decides_what_is_rounding():
    rows = 1 + np.float32(1e-3) * gaussian(40, 6)
    assert isinstance(pca(rows), Projection)
    assert isinstance(pca(rows, resolution=2**-7), NotDrawn)


def test_rows_that_are_not_finite_are_left_out_and_said():
    rows = gaussian(60, 5)
    rows[3, 1], rows[40, 0] = np.nan, np.inf
    for drawn in (pca(rows), tsne(rows)):
        assert isinstance(drawn, Projection)
        assert drawn.kept.tolist() == [i for i in range(60) if i not in (3, 40)]
        assert np.isfinite(drawn.points).all()
        assert any("2 rows" in note for note in drawn.notes)


@pytest.mark.parametrize("project", [pca, tsne])
@pytest.mark.parametrize("rows", [np.zeros(5), np.zeros((2, 2, 2)), np.array([["a", "b"]])])
def test_what_is_not_a_matrix_of_numbers_is_refused(project, rows):
    with pytest.raises(InputError, match="two-dimensional"):
        project(rows)


def test_few_rows_and_one_column_are_drawn_by_pca():
    drawn = pca(np.array([[1.0], [2.0], [4.0]]))
    assert isinstance(drawn, Projection)
    assert drawn.explained == pytest.approx([1, 0])
    assert (drawn.points[:, 1] == 0).all()
    two = pca(gaussian(2, 9))
    assert isinstance(two, Projection)
    assert two.explained == pytest.approx([1, 0])


def test_tsne_samples_uniformly_and_says_so():
    drawn = tsne(gaussian(200, 4), max_rows=50)
    assert isinstance(drawn, Projection)
    assert len(drawn.kept) == 50
    assert drawn.kept.max() > 100  # not the first fifty
    assert "50 of 200" in drawn.notes[0]


def test_tsne_keeps_clusters_apart():
    centres = 20 * gaussian(3, 10, seed=1)
    rows = np.repeat(centres, 30, axis=0) + gaussian(90, 10)
    drawn = tsne(rows)
    assert isinstance(drawn, Projection)
    means = drawn.points.reshape(3, 30, 2).mean(axis=1)
    inner = np.abs(drawn.points.reshape(3, 30, 2) - means[:, None]).max()
    gaps = [np.linalg.norm(means[i] - means[j]) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert min(gaps) > inner


def test_tsne_is_repeatable():
    first, second = tsne(gaussian(80, 6)), tsne(gaussian(80, 6))
    assert isinstance(first, Projection)
    assert isinstance(second, Projection)
    assert (first.points == second.points).all()


def numpy_state() -> str:
    return repr(np.random.get_state(legacy=False)["state"]["key"].tolist())


def test_no_global_random_state_is_touched():
    torch = pytest.importorskip("torch")
    before_numpy, before_torch = numpy_state(), torch.get_rng_state()
    tsne(gaussian(60, 5), max_rows=40)
    assert numpy_state() == before_numpy
    assert torch.equal(torch.get_rng_state(), before_torch)


DEGENERATE = """
    import numpy as np
    from collapse_doctor.projections import NotDrawn, pca, tsne
    r = np.random.default_rng(0)
    z = lambda n, d: r.standard_normal((n, d)).astype(np.float32)
    duplicates = z(120, 16); duplicates[12:] = duplicates[0]
    with_nan = z(60, 8); with_nan[::3] = np.nan
    cases = [np.zeros((80, 16), np.float32), np.ones((80, 16), np.float32),
             np.full((80, 16), 0.5, np.float32), np.full((80, 16), 0.1, np.float32),
             z(80, 16) * np.float32(1e-30), z(80, 16) * np.float32(1e20), z(80, 1),
             z(1, 4), z(2, 4), z(3, 4), z(5, 4), z(12, 4), duplicates,
             np.outer(z(80, 1)[:, 0], z(16, 1)[:, 0]), np.repeat(z(4, 8), 20, axis=0), with_nan,
             1 + 1e-6 * z(80, 16)]
    for i, rows in enumerate(cases):
        for project in (pca, tsne):
            result = project(rows)
            if not isinstance(result, NotDrawn):
                assert result.points.shape == (len(result.kept), 2), i
                assert np.isfinite(result.points).all(), i
                assert result.points.std() > 0, i
    print("survived", len(cases))
"""


def test_degenerate_rows_never_take_the_process_down():
    code = textwrap.dedent(DEGENERATE)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[-800:]}"
    assert done.stdout.strip() == "survived 17"
