"""Losses and labels: as they are told, and as the graph of gradients shows them."""

from __future__ import annotations

from msgspec import Struct

from collapse_doctor.recording.observations.places import CallSite

__all__ = ["Factor", "Labels", "Loss", "Objective", "Party", "Pull"]


class Labels(Struct, frozen=True, gc=False, tag="labels"):
    """The labels of one step.

    ``batch`` is the number of embedding rows of the last forward pass; ``sizes`` are all numbers
    of rows that the step's forward passes gave, alone and together, positions counted or not.
    """

    step: int
    count: int
    distinct: int
    batch: int | None = None
    value: str = ""
    scalar: bool = False
    sizes: tuple[int, ...] = ()


class Loss(Struct, frozen=True, gc=False, tag="loss"):
    """The value of the loss at one step; None if it was not finite."""

    step: int
    value: float | None


class Party(Struct, frozen=True, gc=False):
    """One side of a term of a loss: an output of a watched model.

    ``heads`` is the number of layers with weights between the output and the term, such as a
    predictor's; ``cut`` is true when no gradient flows back through this side, ``past`` when it is
    of an earlier step, and ``fixed`` when it never took one: computed under ``no_grad``, or by
    weights that are frozen.
    """

    model: str
    layer: str
    heads: int = 0
    cut: bool = False
    past: bool = False
    fixed: bool = False


class Pull(Struct, frozen=True, gc=False):
    """A term of a loss that draws row i of one side towards row i of the other.

    ``vectors`` is true of a distance of rows as they are, which shrinks with their length, too;
    false of a similarity, or a distance of rows that were normalised. ``crossed`` is true where
    each row of the one side is drawn to every row of the other.
    """

    left: Party
    right: Party
    site: CallSite | None = None
    vectors: bool = False
    crossed: bool = False


class Factor(Struct, frozen=True, gc=False):
    """A given number by which what is made of an output is multiplied on its way to a loss.

    ``value`` is its size, of a divisor the inverse; ``site`` the line of that. ``moved`` is the
    line that changes the number, looked for where it has changed by an order.
    """

    value: float
    site: CallSite | None = None
    moved: CallSite | None = None


class Objective(Struct, frozen=True, gc=False, tag="objective"):
    """What one call of ``backward`` minimised, as far as its graph of gradients shows it.

    Attributes
    ----------
    value
        The loss, without the factor of a gradient scaler.
    collapsed
        What this very loss is when all embeddings are equal, in the same units; None where that
        is not known.
    kind, formula
        What loss it is, and how its value at collapse is written (``ln(128)``); may be empty.
    outputs
        The outputs (model, layer) of watched models that the loss depends on.
    pulls
        Its terms that draw paired outputs together.
    others
        What else it does with outputs, or does at all: a phrase for each.
    whitened
        Operations inside a model that keep its output from collapsing: a phrase for each.
    reach
        How far this loss can be from its value at collapse, known or not, whatever the embeddings
        are; None if unknown.
    flat
        The same as a share of what its softmaxes alone give when all embeddings are equal.
    logits
        The factor with which an output's coordinates are the logits of its softmaxes; None where
        they are not, or more was done with them.
    unevenness
        Of softmaxes held to given shares: how much larger the largest of them is than the smallest,
        as a share of it; 0 where all candidates are asked for the same. None if not known.
    squared
        Whether all distances of rows enter it by their square, as cosines do of unit rows.
    mismatched
        Of a softmax over the matrix of every row with every row whose targets give rows no partner
        each: how many rows it has, how many targets differ, and the highest target.
    factors
        Given numbers by which parts of it with outputs are multiplied, one for each line.
    added
        The sum of the tensors that were added to it and take no gradient; None if none was.
    site
        The line that computed it, or that made its reach so small.
    """

    step: int
    forward: int
    value: float | None
    collapsed: float | None = None
    kind: str = ""
    formula: str = ""
    outputs: tuple[tuple[str, str], ...] = ()
    pulls: tuple[Pull, ...] = ()
    others: tuple[str, ...] = ()
    whitened: tuple[str, ...] = ()
    reach: float | None = None
    flat: float | None = None
    logits: float | None = None
    unevenness: float | None = None
    squared: bool = False
    mismatched: tuple[int, ...] = ()
    factors: tuple[Factor, ...] = ()
    added: float | None = None
    site: CallSite | None = None
