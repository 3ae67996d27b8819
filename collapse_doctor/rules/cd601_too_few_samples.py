"""CD601 too-few-samples: there are too few rows to judge the rank of an embedding this wide.

What it finds
-------------
The number of rows is so small, beside the width, that an embedding which uses a twentieth of its
dimensions would look as varied as a healthy one.

Why it matters
--------------
N rows span at most N - 1 dimensions, so few rows look full-rank whatever the embedding does. A low
rank on few rows is still a low rank; it is the silence of the rank rules that means nothing.

Likely causes
-------------
Only one batch, or a part of the data set, was saved; the batches are small and the embedding is
wide.

What to do
----------
Analyze more rows: the finding says how many would do. A few hundred to a few thousand suffice for
all common widths; the whole data set is not needed.

What would refute it
--------------------
Only the other measures (identical rows, cosines, dead coordinates) matter to you: they do with few
rows.

Bounds and their source
-----------------------
share: 0.5. With enough rows an embedding that uses a twentieth of its width d (the error bound of
CD303) has an effective rank of at most 0.05 d. To read below a tenth of the null (the warning
bound of CD303), the null itself must be at least half of d. The rows needed are the fewest whose
null, by the Marchenko-Pastur law, reaches that half: 36 for width 64, 420 for width 768, about
0.55 d in general.
min_width: 11. Below it a tenth of the width is less than one dimension, and rank is not judged
in this way at all.

References
----------
Roy and Vetterli, "The effective rank", EUSIPCO 2007. Marchenko and Pastur, "Distribution of
eigenvalues for some sets of random matrices", 1967.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.metrics.nulls import effective_rank
from collapse_doctor.rules.geometry import embeddings, evidence, judge, place, title
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE", "rows_needed"]

NULL_SHARE = 0.5
"""Share of the width that the null must reach: error bound over warning bound of CD303."""


@dataclass(frozen=True)
class Bounds:
    """When rows are enough."""

    share: float = NULL_SHARE  # 0.05 d < 0.1 · null: the two bounds of CD303
    min_width: int = 11  # a tenth of the width must be more than one dimension


def rows_needed(width: int, share: float = NULL_SHARE) -> int:
    """Return the fewest rows whose isotropic effective rank reaches ``share`` of ``width``.

    One row is lost to the mean. For the default share the answer is about 0.55 · width.
    """
    rows = range(2, width + 2)
    return rows[bisect_left(rows, share * width, key=lambda n: effective_rank(n - 1, width))]


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each embedding with too few rows."""

    def examine(layer: LayerState) -> Match | None:
        if layer.width < bounds.min_width:
            raise NotExamined(f"width {layer.width} is judged by CD302 alone, which needs 8 rows")
        needed = rows_needed(layer.width, bounds.share)
        return _match(layer, needed) if layer.count < needed else None

    return judge(embeddings(measurements), examine)


def _match(layer: LayerState, needed: int) -> Match:
    return Match(
        message=(
            f"{layer.count} rows are too few to tell whether {title(layer)} uses its "
            f"{layer.width} dimensions; {needed} would do."
        ),
        where=place(layer, layer.last_step),
        evidence=evidence(
            rows=Evidence(layer.count, needed, "<", meaning="rows the rank was measured on"),
            width=Evidence(layer.width),
        ),
        confidence=Confidence.CERTAIN,
    )


RULE = Rule(
    code="CD601",
    name="too-few-samples",
    severity=Severity.INFO,
    bounds=Bounds(),
    check=check,
)
