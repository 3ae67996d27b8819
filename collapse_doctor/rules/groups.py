"""Telling a few tight groups from a flat cloud, when no labels say which rows belong together.

A network trained by class ends with one tight group for each class (neural collapse), whose rank
is the number of classes less one. Embeddings that have lost their dimensions have the same low
rank, but fill it continuously. The gap statistic (Tibshirani, Walther and Hastie, "Estimating the
number of clusters in a data set via the gap statistic", J. R. Stat. Soc. B 63, 2001) tells the
two apart: cluster the rows, cluster a Gaussian cloud of the same covariance, compare what is left
within the clusters.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

__all__ = ["within_groups"]

_MOST_ROWS = 1000
_MOST_AXES = 32
_ROWS_PER_GROUP = 3


def within_groups(rows: np.ndarray, steps: np.ndarray, rank: float) -> float | None:
    """Return the scatter left within clusters, as a share of that of a Gaussian cloud.

    About 1 for a continuous cloud of any covariance, far below for tight groups.

    Parameters
    ----------
    rows
        (n, d) float32; rows that are not finite are left out.
    steps
        (n,) the step of each row; only rows of the last step are used.
    rank
        Effective rank of the rows; 2 · rank + 1 clusters are looked for, so that rank + 1 groups
        (what neural collapse gives) find room even where their sizes differ.

    Returns
    -------
    The share, or None if there are too few rows for that many clusters.
    """
    last = rows[steps == steps.max()] if len(steps) else rows
    last = last[np.isfinite(last).all(axis=1)][:_MOST_ROWS].astype(np.float64)
    clusters = round(2 * rank) + 1
    if len(last) < _ROWS_PER_GROUP * clusters:
        return None
    points, spread = _principal(last)
    if spread[0] == 0:
        return None
    cloud = np.random.default_rng(0).standard_normal(points.shape) * spread
    return _scatter(points, clusters) / _scatter(cloud, clusters)


def _principal(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows along their leading axes (n, k), and their standard deviations (k,)."""
    centred = rows - rows.mean(axis=0)
    left, singular, _ = np.linalg.svd(centred, full_matrices=False)
    kept = min(len(singular), _MOST_AXES)
    return left[:, :kept] * singular[:kept], singular[:kept] / np.sqrt(len(rows))


def _scatter(points: np.ndarray, clusters: int) -> float:
    """Return the share of the scatter that k-means leaves within its clusters."""
    fitted = KMeans(clusters, n_init=3, random_state=0).fit(points)
    total = float(((points - points.mean(axis=0)) ** 2).sum())
    return float(fitted.inertia_) / total
