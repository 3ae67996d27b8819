"""PCA and t-SNE that survive exactly the data this package is about: collapsed embeddings.

Both refuse, with a sentence, to draw a cloud that consists of rounding: a plot always fills its
frame, so rounding noise would look like healthy variety. Neither touches a global random state.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.manifold import TSNE
from threadpoolctl import threadpool_limits

from collapse_doctor.errors import InputError

__all__ = ["NotDrawn", "Projection", "pca", "tsne"]

MAX_ROWS = 3_000  # t-SNE takes about 8 CPU seconds for 3 000 rows, 16 for 5 000
MIN_ROWS_TSNE = 5  # fewer rows have no neighbourhoods to preserve
PCA_FIRST = 50  # van der Maaten & Hinton (2008) reduce to 30; 50 keeps more and costs the same
ITERATIONS = 500

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Projection:
    """Rows drawn in the plane, with the true scale that the picture itself hides.

    Parameters
    ----------
    method
        ``"PCA"`` or ``"t-SNE"``.
    points
        (n, 2) float64, finite. For PCA in the units of the rows; for t-SNE in no unit at all.
    kept
        (n,) int64: which of the given rows the points are, ascending.
    explained
        (2,) float64: share of the variance along each axis, in [0, 1]. None for t-SNE.
    spread
        Root mean square distance of the kept rows from their mean, in the units of the rows.
    norm
        Root mean square length of the kept rows, in the same units. ``spread / norm`` lies in
        [0, 1]; near 0 all rows are nearly the same vector however wide the picture looks.
    notes
        What was left out, as full sentences.
    """

    method: str
    points: Floats
    kept: Integers
    explained: Floats | None
    spread: float
    norm: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotDrawn:
    """Why there is no picture, as a full sentence."""

    reason: str


@dataclass(frozen=True)
class _Cloud:
    """Finite rows, centred and divided by ``scale`` so that nothing over- or underflows."""

    centred: Floats
    kept: Integers
    scale: float
    spread: float
    norm: float
    notes: tuple[str, ...]


def pca(rows: ArrayLike, *, resolution: float | None = None) -> Projection | NotDrawn:
    """Project rows on the two directions in which they vary most.

    The rows are centred in float64 before any product is formed: forming the Gram matrix first, as
    fast solvers do, loses the spread of collapsed rows to cancellation.

    Parameters
    ----------
    rows
        (n, d) numbers. Rows with NaN or infinity are left out, and the notes say how many.
    resolution
        Relative rounding of the numbers at their source (``eps`` of bfloat16 for rows that were
        bfloat16 once). Default: ``eps`` of the dtype of ``rows``; 0 for integers.

    Returns
    -------
    Projection or NotDrawn
        ``NotDrawn`` for fewer than two finite rows, or where the spread is no more than rounding.

    Raises
    ------
    InputError
        If ``rows`` is not two-dimensional or not numeric.
    """
    cloud = _clean(rows, resolution)
    if isinstance(cloud, NotDrawn):
        return cloud
    scores, variances = _principal(cloud.centred, 2)
    total = float(np.square(cloud.centred).sum())
    return Projection(
        method="PCA",
        points=scores * cloud.scale,
        kept=cloud.kept,
        explained=np.clip(variances / total, 0.0, 1.0),
        spread=cloud.spread,
        norm=cloud.norm,
        notes=cloud.notes,
    )


def tsne(
    rows: ArrayLike,
    *,
    seed: int = 0,
    max_rows: int = MAX_ROWS,
    resolution: float | None = None,
) -> Projection | NotDrawn:
    """Embed rows in the plane by t-SNE (van der Maaten & Hinton 2008), if that is meaningful.

    scikit-learn does the work on one thread, from a start of our own: its default start divides
    by the spread of the first component and takes the whole process down when that is 0.

    Parameters
    ----------
    rows, resolution
        As for :func:`pca`.
    seed
        Of the sample and of the jitter that keeps equal rows apart at the start.
    max_rows
        More rows than this are sampled uniformly, and the notes say so.

    Returns
    -------
    Projection or NotDrawn
        ``NotDrawn`` for fewer than 5 finite rows, or where the spread is no more than rounding.

    Raises
    ------
    InputError
        If ``rows`` is not two-dimensional or not numeric.
    """
    cloud = _clean(rows, resolution)
    if isinstance(cloud, NotDrawn):
        return cloud
    if len(cloud.kept) < MIN_ROWS_TSNE:
        return NotDrawn(f"t-SNE needs at least {MIN_ROWS_TSNE} rows; {len(cloud.kept)} are there.")
    generator = np.random.default_rng(seed)
    chosen, sampling = _sample(len(cloud.kept), max_rows, generator)
    points = _embed(cloud.centred[chosen], generator, seed)
    if isinstance(points, NotDrawn):
        return points
    kept = cloud.kept[chosen]
    return Projection("t-SNE", points, kept, None, cloud.spread, cloud.norm, cloud.notes + sampling)


def _clean(rows: ArrayLike, resolution: float | None) -> _Cloud | NotDrawn:
    """Drop non-finite rows, scale, centre; refuse what has no spread above its rounding."""
    matrix = _matrix(rows)
    if resolution is None:
        floating = isinstance(matrix.dtype.type(), np.floating)
        resolution = float(np.finfo(str(matrix.dtype)).eps) if floating else 0.0
    kept = np.flatnonzero(np.isfinite(matrix).all(axis=1))
    if len(kept) < 2:
        return NotDrawn(f"A map needs at least two finite rows; {len(kept)} of {len(matrix)} are.")
    values = matrix[kept].astype(np.float64)
    scale = float(np.abs(values).max(initial=0.0))
    if scale == 0.0:
        return NotDrawn("Every row is zero, so there is nothing to draw.")
    values /= scale
    norm = _rms(values)
    centred = values - values.mean(axis=0)
    spread = _rms(centred)
    # Storing a number moves it by at most eps/2 of itself, a row by at most eps/2 of its length;
    # float64's own eps is what the mean and the subtraction cost.
    if spread == 0.0:
        return NotDrawn(f"All {len(kept):,} rows are exactly the same vector.")
    if spread <= max(resolution, float(np.finfo(np.float64).eps)) * norm:
        return NotDrawn(
            f"All {len(kept):,} rows are the same vector up to rounding (spread "
            f"{spread / norm:.1e} of their length); a map would only magnify rounding noise."
        )
    lost = len(matrix) - len(kept)
    notes = (f"{lost:,} rows with NaN or infinity are left out.",) if lost else ()
    return _Cloud(centred, kept, scale, spread * scale, norm * scale, notes)


def _matrix(rows: ArrayLike) -> NDArray[np.generic]:
    """Return ``rows`` as a two-dimensional numeric array, or say what is wrong with them."""
    matrix = np.asarray(rows)
    numeric = np.issubdtype(matrix.dtype, np.number) or matrix.dtype == np.bool_
    if matrix.ndim != 2 or not numeric or np.iscomplexobj(matrix):
        raise InputError(
            "a two-dimensional array of real numbers, one row per embedding",
            f"shape {matrix.shape} of {matrix.dtype}",
            where="projection",
            remedy="reshape it to (rows, features)",
        )
    return matrix


def _rms(rows: Floats) -> float:
    """Root mean square length of the rows."""
    return math.sqrt(float(np.square(rows).sum()) / len(rows))


def _principal(centred: Floats, k: int) -> tuple[Floats, Floats]:
    """Scores (n, k) and squared singular values (k,) of centred rows; zeros beyond the rank."""
    n, d = centred.shape
    gram = centred @ centred.T if n < d else centred.T @ centred
    values, vectors = np.linalg.eigh(gram)
    values, vectors = values[::-1][:k].clip(min=0.0), vectors[:, ::-1][:, :k]
    values[values < values[0] * np.finfo(np.float64).eps * max(n, d)] = 0.0  # eigh's own error
    scores = vectors * np.sqrt(values) if n < d else centred @ vectors
    scores = np.where(values > 0.0, scores, 0.0)
    # An eigenvector's sign is arbitrary; fixing it keeps the map the same on every machine.
    peaks = scores[np.abs(scores).argmax(axis=0), np.arange(scores.shape[1])]
    scores = scores * np.where(peaks < 0.0, -1.0, 1.0)
    missing = k - scores.shape[1]
    return np.pad(scores, ((0, 0), (0, missing))), np.pad(values, (0, missing))


def _sample(
    n: int, max_rows: int, generator: np.random.Generator
) -> tuple[Integers, tuple[str, ...]]:
    """Positions of at most ``max_rows`` of ``n`` rows, ascending, and the sentence that says so."""
    if n <= max_rows:
        return np.arange(n), ()
    chosen = np.sort(generator.choice(n, size=max_rows, replace=False))
    return chosen, (f"{max_rows:,} of {n:,} rows, sampled uniformly.",)


def _embed(centred: Floats, generator: np.random.Generator, seed: int) -> Floats | NotDrawn:
    """Run scikit-learn's t-SNE on rows made safe for it, and check what comes back."""
    n = len(centred)
    scores, variances = _principal(centred - centred.mean(axis=0), PCA_FIRST)
    scores = scores[:, : max(2, int((variances > 0.0).sum()))]
    deviation = math.sqrt(float(variances[0]) / n)
    if deviation == 0.0:  # the sample may have missed the few rows that differ
        return NotDrawn("The sampled rows are all the same vector.")
    start = 1e-4 * scores[:, :2] / deviation + 1e-6 * generator.standard_normal((n, 2))
    model = TSNE(
        n_components=2,
        perplexity=min(30.0, (n - 1) / 3),
        init=start.astype(np.float32),
        learning_rate="auto",
        max_iter=ITERATIONS,
        random_state=seed,
        n_jobs=1,
    )
    with threadpool_limits(limits=1):  # libgomp's active waiting costs a factor of 4 when shared
        points = model.fit_transform((scores / _rms(scores)).astype(np.float32))
    if not np.isfinite(points).all():
        return NotDrawn("t-SNE did not reach finite coordinates on these rows.")
    return np.asarray(points, dtype=np.float64)
