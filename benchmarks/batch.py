"""What it costs to measure one batch, piece by piece.

Run it on one thread: OMP_NUM_THREADS=1 python -m benchmarks.batch
"""

from __future__ import annotations

from collections.abc import Callable

import click
import torch

from benchmarks.pieces import medians
from collapse_doctor.batch import measure_batch, moments_of
from collapse_doctor.inspector.embeddings import BLOCK_METRICS
from collapse_doctor.metrics.table import measure
from collapse_doctor.summary import EmbeddingSummary

SIZES = ((64, 64), (256, 64), (64, 512), (128, 512), (256, 512))


def pieces(n: int, d: int) -> dict[str, Callable[[], object]]:
    """Each way of measuring n rows of d coordinates, then the parts of the fast one."""
    rows = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    centred = rows.double() - rows.double().mean(dim=0)
    few = centred if n <= d else centred.T
    gram = few @ few.T
    warm = moments_of(rows)
    measure(warm)

    def parts_of(*names: str) -> Callable[[], object]:
        return lambda: [getattr(batch, name) for batch in [moments_of(rows)] for name in names]

    return {
        "summary, block metrics": lambda: measure(EmbeddingSummary.of(rows), BLOCK_METRICS),
        "summary, all metrics": lambda: measure(EmbeddingSummary.of(rows)),
        "batch, block metrics": lambda: measure_batch(rows, BLOCK_METRICS),
        "batch, all metrics": lambda: measure_batch(rows),
        "  rows as float64, lengths": lambda: moments_of(rows),
        "  … and vectors, extremes": parts_of("varies"),
        "  … and directions": parts_of("directions"),
        "  … and distinct rows": parts_of("distinct"),
        "  formulas, block metrics": lambda: measure(warm, BLOCK_METRICS),
        "  formulas, all metrics": lambda: measure(warm),
        "  BLAS: whole Gram matrix": lambda: few @ few.T,
        "  LAPACK: eigenvalues": lambda: torch.linalg.eigvalsh(gram),
    }


@click.command()
@click.option("--rounds", default=30, show_default=True, help="Ten calls of each piece a round.")
def main(rounds: int) -> None:
    """Print a table of pieces by sizes (rows x coordinates), in µs."""
    columns = [medians(pieces(*size), rounds) for size in SIZES]
    click.echo(f"{torch.get_num_threads()} thread(s), torch {torch.__version__}; µs per call")
    click.echo(" " * 28 + "".join(f"{f'{n}x{d}':>10}" for n, d in SIZES))
    for name in columns[0]:
        click.echo(f"{name:28}" + "".join(f"{column[name]:10.0f}" for column in columns))


if __name__ == "__main__":
    main()
