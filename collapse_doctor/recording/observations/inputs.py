"""What entered a watched model."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Intake"]


class Intake(Struct, frozen=True, gc=False, tag="intake"):
    """What a model was given in one step, as far as that says how varied it was.

    A row is the first dimension of all tensors that have as many of them as the first one.

    Attributes
    ----------
    name, dtype, shape
        Of the first tensor; its name is that of the parameter of ``forward`` it was given for.
    rows, distinct
        Rows that were looked at, of all passes of the step together, and how many of them
        differ in any of the tensors. They are the rows whose embeddings are measured, if the
        model returns one row for each.
    least
        The same of that tensor which has the fewest, masks and constants aside: what the model
        returns may depend on it alone.
    batch
        Rows of the largest single pass.
    varied
        Whether the rows of any single pass differ.
    dispersion
        What a freshly drawn linear layer with a bias would leave of the rows' spread, as a share
        of the length of what it returns: L / sqrt(1 + m² + L²), where L is the root mean square
        distance of the rows from their mean and m the length of that mean. None for integers,
        and where it is not finite.
    low, high
        The smallest and the largest number that was seen in it; None where not finite.
    runs
        For sequences of whole numbers that entered alone, or beside masks of their shape: how
        many rows differ if runs of one number count as one number, and the padding that full rows
        lack as nothing.
    whole
        False where something else went in that was not understood, or of another first
        dimension: rows that are equal may then be told apart by it.
    learned
        Whether the first tensor was computed by something that takes a gradient.
    repeated
        Whether no row is another than those that were seen last.
    training
        The mode of the model.
    """

    step: int
    forward: int
    model: str
    name: str
    dtype: str
    shape: tuple[int, ...]
    rows: int
    distinct: int
    least: int
    batch: int
    varied: bool
    dispersion: float | None = None
    low: float | None = None
    high: float | None = None
    runs: int | None = None
    whole: bool = True
    learned: bool = False
    repeated: bool = False
    training: bool = True
