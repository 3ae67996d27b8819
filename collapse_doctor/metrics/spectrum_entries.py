"""Entries of the table of metrics: how many directions the variance is spread over."""

from __future__ import annotations

import math

from collapse_doctor.metrics import nulls, spectrum
from collapse_doctor.metrics.decay import power_law
from collapse_doctor.metrics.metric import Invariance, Metric
from collapse_doctor.metrics.moments import Moments, Vector, as_array

__all__ = ["SPECTRUM_METRICS"]

_ALL: frozenset[Invariance] = frozenset({"scale", "translation", "rotation", "permutation"})


def _law(eigenvalues: Vector, value: str) -> float:
    found = power_law(eigenvalues)
    return getattr(found, value) if found is not None else math.nan


def _covariance_term(rows: Moments) -> float:
    if rows.count < 2 or rows.spectrum_rows < rows.count:  # eigenvalues of a sample, only
        return math.nan
    variances = as_array(rows.vectors.squares) / (rows.count - 1)
    term = spectrum.covariance_term(rows.eigenvalues(), variances)
    return math.inf if rows.unit > 2.0**64 else term * rows.unit**4


SPECTRUM_METRICS: tuple[Metric, ...] = (
    Metric(
        name="effective_rank",
        title="Effective rank",
        definition="exp of the entropy of the singular values of Zc, each over their sum: how "
        "many directions are in use. Rows that are all equal are given 1.",
        unit="directions",
        range=(1.0, math.inf),
        at_isotropic="just below min(n - 1, d); 0.805·d where n - 1 = d",
        at_collapse=1.0,
        better="higher",
        invariances=_ALL,
        small_n="Bounded by n - 1; furthest below its bound, by a fifth, at n near d.",
        source="Roy & Vetterli 2007; null: Marchenko & Pastur 1967",
        compute=lambda rows: spectrum.effective_rank(rows.eigenvalues()),
        null=lambda n, d: nulls.effective_rank(n - 1, d),
    ),
    Metric(
        name="rankme",
        title="RankMe",
        definition="exp of the entropy of the singular values of Z itself, not centred, each over "
        "their sum plus 1e-7.",
        unit="directions",
        range=(1.0, math.inf),
        at_isotropic="just below min(n, d)",
        at_collapse=1.0,
        better="higher",
        invariances=_ALL - {"translation"},
        small_n="Bounded by n; the paper uses 25600 rows. Any common offset lowers it.",
        source="Garrido et al. 2023, arXiv 2210.02885",
        compute=lambda rows: spectrum.rankme(rows.raw_eigenvalues()),
        null=nulls.effective_rank,
    ),
    Metric(
        name="participation_ratio",
        title="Participation ratio",
        definition="(Σλ)²/Σλ², corrected for the number of rows: directions in use, were their "
        "variances equal. Stricter than the effective rank on uneven spectra.",
        unit="directions",
        range=(1.0, math.inf),
        at_isotropic="d, at any number of rows",
        at_collapse=1.0,
        better="higher",
        invariances=_ALL,
        small_n="Unbiased numerator and denominator; scatters by about 2/n. NaN below three rows.",
        source="Srivastava 2005 (unbiased tr Σ²); IsoScore is (PR - 1)/(d - 1)",
        compute=lambda rows: spectrum.corrected_participation_ratio(
            rows.eigenvalues(), rows.spectrum_rows - 1, rows.width
        ),
        null=lambda n, d: float(d) if n >= 3 else math.nan,
    ),
    Metric(
        name="stable_rank",
        title="Stable rank",
        definition="Σλ/λ₁ of the centred rows: total variance over that of the first axis.",
        unit="directions",
        range=(1.0, math.inf),
        at_isotropic="d/(1 + √(d/(n-1)))²",
        at_collapse=1.0,
        better="higher",
        invariances=_ALL,
        small_n="Biased low: λ₁ of a sample exceeds that of its population.",
        source="Rudelson & Vershynin 2007; null: Marchenko-Pastur edge",
        compute=lambda rows: spectrum.stable_rank(rows.eigenvalues()),
        null=lambda n, d: nulls.stable_rank(n - 1, d),
    ),
    Metric(
        name="top_share",
        title="Share of the first axis",
        definition="λ₁/Σλ: share of the variance along the first principal axis.",
        unit="share",
        range=(0.0, 1.0),
        at_isotropic="(1/√d + 1/√(n-1))²",
        at_collapse=1.0,
        better="lower",
        invariances=_ALL,
        small_n="Biased high: λ₁ of a sample exceeds that of its population.",
        source="principal component analysis; null: Marchenko-Pastur edge",
        compute=lambda rows: spectrum.top_share(rows.eigenvalues()),
        null=lambda n, d: nulls.top_share(n - 1, d),
    ),
    Metric(
        name="isoscore",
        title="IsoScore",
        definition="(PR - 1)/(d - 1) with the plug-in participation ratio (Σλ)²/Σλ².",
        unit="",
        range=(0.0, 1.0),
        at_isotropic="(d/(1 + (d+1)/(n-1)) - 1)/(d - 1)",
        at_collapse=0.0,
        better="higher",
        invariances=_ALL,
        small_n="Biased low as the plug-in participation ratio is; NaN for one coordinate.",
        source="Rudman et al. 2022, arXiv 2108.07344",
        compute=lambda rows: spectrum.isoscore(rows.eigenvalues(), rows.width),
        null=lambda n, d: nulls.isoscore(n - 1, d),
    ),
    Metric(
        name="spectral_exponent",
        title="Exponent of the spectrum",
        definition="α where λᵢ falls as i^-α: the slope of ln λᵢ against ln i for i from 11 to "
        "100, or to half of what there is, weighted by 1/i.",
        unit="",
        range=(0.0, math.inf),
        at_isotropic="the slope of the Marchenko-Pastur quantiles, near 0 where n is far above d",
        at_collapse=None,
        better="neither",
        invariances=_ALL,
        small_n="The spectrum of few rows is steeper; NaN below eight eigenvalues in the range.",
        source="Agrawal et al. 2022 (α-ReQ), after Stringer et al. 2019",
        compute=lambda rows: _law(rows.eigenvalues(), "exponent"),
        null=lambda n, d: nulls.spectral_exponent(n - 1, d),
    ),
    Metric(
        name="spectral_fit",
        title="Fit of the exponent",
        definition="R² of that fit: near 1 the spectrum is a power law, and its exponent means "
        "something.",
        unit="share",
        range=(0.0, 1.0),
        at_isotropic="that of the Marchenko-Pastur quantiles",
        at_collapse=None,
        better="neither",
        invariances=_ALL,
        small_n="As for the exponent.",
        source="definition of weighted least squares",
        compute=lambda rows: _law(rows.eigenvalues(), "r_squared"),
    ),
    Metric(
        name="covariance_term",
        title="Covariance term (VICReg)",
        definition="Σ_{i≠j} C²_ij/d of the covariance C: 0 for coordinates without correlation.",
        unit="length⁴",
        range=(0.0, math.inf),
        at_isotropic="(d - 1)/(n - 1) for coordinates of variance 1",
        at_collapse=0.0,
        better="lower",
        invariances=frozenset({"translation", "permutation"}),
        small_n="Biased high by (d - 1)/(n - 1).",
        source="Bardes, Ponce & LeCun 2022, arXiv 2105.04906, eq. 3-4",
        compute=_covariance_term,
        null=lambda n, d: (d - 1) / (n - 1) if n >= 2 else math.nan,
    ),
)
