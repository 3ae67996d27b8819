"""The graph of the catalogue: which finding follows from which, when, and why.

A row says that where ``cause`` is true, the ``effects`` are expected, so that they are no faults of
their own. It says nothing of a single training: there the two must also be about one thing
(``span``) and come in an order that a cause and its effect can have (``when``). The rows are data,
in the order of the codes of the causes; codes that no rule finds yet are inert until one does.

Why a test over the rows suffices for there to be no cycle among findings: every row but those
of ``When.BEFORE`` goes one way, and those need both steps to be known and to differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache

__all__ = ["EDGES", "Edge", "Span", "When", "edge_between", "edges_from", "edges_to"]


class When(Enum):
    """In which order a cause and its effect may have begun."""

    ANY = "any"
    """Two views of one state: which bound was passed first says nothing."""
    NOT_AFTER = "not after"
    """The effect is not older than the cause, as far as the looks at the training can tell."""
    BEFORE = "before"
    """The cause was there at an earlier step: what was born that way was not learnt."""


class Span(Enum):
    """What a cause and its effect must have in common, as far as both are known."""

    LINE = "line"  # a line of the program
    MODEL = "model"  # the watched model
    TRAINING = "training"  # nothing more: one loss ties all networks of a training


@dataclass(frozen=True)
class Edge:
    """One cause, what follows from it, and why."""

    cause: str
    effects: tuple[str, ...]
    reason: str
    when: When = When.NOT_AFTER
    span: Span = Span.MODEL


COPIES = ("CD101", "CD102", "CD103", "CD104", "CD105")
"""The two things that are compared are one thing."""
UNMOVED = ("CD201", "CD202", "CD203")
"""Nothing, or next to nothing, makes the weights move."""
SHRUNK = ("CD302", "CD303", "CD305", "CD306", "CD308", "CD310")
"""Less than the whole space is used. Of a state in which a network may be born, its first steps do
not tell whether training made it worse; the rules of these codes have asked that already."""
BORN = ("CD301", "CD311")
"""What a deep network may be born with, before any loss was computed."""


def _identical(cause: str) -> Iterator[Edge]:
    """Yield what follows from a comparison of a thing with itself."""
    yield Edge(
        cause,
        (*UNMOVED, "CD207"),
        "what is compared is equal whatever the weights are: the loss is a constant, its gradient "
        "is zero",
        When.ANY,
        Span.TRAINING,
    )
    yield Edge(cause, ("CD502",), "two outputs that are one give every row twice", When.ANY)
    yield Edge(
        cause,
        ("CD401",),
        "their distance is zero, where the derivative of a root is infinite",
        When.NOT_AFTER,
        Span.TRAINING,
    )
    yield from _learnt(
        cause, "a comparison of a thing with itself keeps nothing apart", Span.TRAINING
    )


def _learnt(cause: str, reason: str, span: Span = Span.MODEL) -> Iterator[Edge]:
    """Yield the collapse that training comes to for this reason; none that was there before it."""
    yield Edge(cause, SHRUNK, reason, When.NOT_AFTER, span)
    yield Edge(cause, BORN, reason, When.BEFORE, span)


EDGES: tuple[Edge, ...] = (
    *_identical("CD101"),
    *_identical("CD102"),
    *_identical("CD103"),
    *_identical("CD104"),
    *_identical("CD105"),
    Edge(
        "CD106",
        ("CD201", "CD203"),
        "only one of the two sides is of this step and takes a gradient",
        When.ANY,
        Span.LINE,
    ),
    *_learnt(
        "CD106", "a target that is the network's own past asks for no difference between rows"
    ),
    Edge(
        "CD107",
        ("CD103", "CD104"),
        "a network without noise gives equal inputs equal outputs",
        When.ANY,
        Span.LINE,
    ),
    *_identical("CD107"),
    Edge(
        "CD108",
        ("CD103", "CD104", "CD107"),
        "one network under two names has one output; only for two would one input be no fault",
        When.ANY,
        Span.TRAINING,
    ),
    Edge(
        "CD108",
        ("CD201", "CD202", "CD203", "CD207", "CD208"),
        "the target is the network's own output, so nothing slower or different holds it up",
        When.NOT_AFTER,
        Span.TRAINING,
    ),
    *_learnt(
        "CD108",
        "the target moves with the network, and may follow it into one point",
        Span.TRAINING,
    ),
    Edge(
        "CD109",
        ("CD101", "CD102", "CD103", "CD104", "CD105", "CD106"),
        "what was written over holds the values of what it is compared with",
        When.ANY,
        Span.LINE,
    ),
    Edge(
        "CD109",
        (*UNMOVED, "CD207"),
        "what is compared is no longer what was computed, and has no way back to the weights",
        When.ANY,
        Span.TRAINING,
    ),
    Edge("CD201", ("CD202", "CD203"), "without a gradient no weight moves", When.ANY),
    Edge("CD201", ("CD207",), "a loss that moves no weight keeps the value it had"),
    Edge("CD202", ("CD207", "CD303", "CD306"), "what does not move stays as it was drawn"),
    Edge(
        "CD202",
        ("CD301", "CD302"),
        "parts that do not move stay as they were drawn, and the rest learns a constant",
        When.BEFORE,
    ),
    Edge(
        "CD203",
        ("CD301", "CD302", "CD303", "CD306", "CD314"),
        "layers that get no gradient stay as they were drawn, and the rest learns a constant",
        When.BEFORE,
    ),
    Edge("CD204", ("CD401",), "weights that take ever larger steps overflow"),
    Edge(
        "CD204",
        ("CD301", "CD302", "CD303", "CD304", "CD306", "CD309", "CD314"),
        "one huge step throws weights to where activations saturate or die, or a bias outweighs "
        "all else",
    ),
    Edge(
        "CD205",
        ("CD207", "CD208"),
        "every row is fitted to all others, of which the best it can do is their mean",
        When.NOT_AFTER,
        Span.TRAINING,
    ),
    *_learnt("CD205", "every row is fitted to all others, and all become one", Span.TRAINING),
    Edge(
        "CD206",
        ("CD207",),
        "along the batch the loss compares nothing that the rows could learn",
        When.NOT_AFTER,
        Span.TRAINING,
    ),
    *_learnt("CD206", "along the batch nothing keeps the rows apart", Span.TRAINING),
    Edge("CD208", ("CD207",), "one point for all is where such a loss is least", When.ANY),
    Edge("CD208", ("CD304", "CD403"), "one point for all is where such a loss is least"),
    *_learnt("CD208", "one point for all is where such a loss is least"),
    Edge(
        "CD301",
        ("CD207", "CD302", "CD303", "CD304", "CD305", "CD306", "CD310", "CD312", "CD313"),
        "of rows that are one vector every other measure sees only the noise",
        When.ANY,
    ),
    Edge("CD301", ("CD403", "CD502"), "rows this near are equal in the numbers of the dtype"),
    Edge("CD301", ("CD201", "CD203"), "the gradients of equal rows cancel, or are zero"),
    Edge(
        "CD301",
        ("CD401",),
        "distances are zero, where the derivative of a root is infinite",
        When.BEFORE,
    ),
    Edge("CD302", ("CD303", "CD310"), "a line has rank one", When.ANY),
    Edge(
        "CD303",
        ("CD304", "CD310"),
        "lost dimensions show as coordinates that rest, and as a rank that fell",
        When.ANY,
    ),
    Edge(
        "CD305",
        ("CD302", "CD303", "CD304", "CD310", "CD313", "CD502"),
        "a handful of points span few dimensions, and most rows have equals",
        When.ANY,
    ),
    Edge("CD306", ("CD312", "CD313"), "all rows are near the mean they share", When.ANY),
    Edge(
        "CD308",
        ("CD301", "CD303", "CD304", "CD402", "CD403"),
        "what is left of vectors near zero is an offset, or below the resolution",
    ),
    Edge("CD308", ("CD203", "CD204"), "the gradient of a direction goes with one over the length"),
    Edge("CD309", ("CD314", "CD401", "CD403"), "numbers that grow saturate, and at last overflow"),
    Edge("CD309", ("CD306",), "what grows is often the mean that all rows share", When.ANY),
    Edge(
        "CD311",
        ("CD301", "CD302", "CD303", "CD305", "CD306", "CD310", "CD312"),
        "what a layer has lost no later one brings back",
        When.ANY,
    ),
    Edge("CD311", ("CD201", "CD203", "CD207"), "the gradients of equal rows cancel, or are zero"),
    Edge("CD314", ("CD201",), "at the rails of an activation its derivative is zero", When.ANY),
    Edge("CD314", ("CD203",), "at the rails of an activation its derivative is zero"),
    Edge(
        "CD314",
        ("CD301", "CD302", "CD303", "CD304", "CD305", "CD310", "CD311", "CD402"),
        "a coordinate at its rail says the same of every input",
        When.ANY,
    ),
    Edge(
        "CD401",
        ("CD301", "CD302", "CD303", "CD304", "CD305", "CD306", "CD310", "CD402"),
        "rows that are not finite are left out, and what remains is a poor sample",
    ),
    Edge("CD401", ("CD202", "CD207"), "steps with gradients that are not finite teach nothing"),
    Edge("CD401", ("CD601",), "rows that are not finite are left out", When.ANY),
    Edge(
        "CD402",
        ("CD207", "CD301", "CD302", "CD303", "CD304", "CD305", "CD306", "CD310", "CD502"),
        "rows of zeros are all equal, and have no direction",
        When.ANY,
    ),
    Edge("CD402", ("CD201", "CD203"), "a product with zero passes no gradient on", When.ANY),
    Edge("CD402", ("CD401",), "a row of zeros divided by its length is NaN", When.BEFORE),
    Edge("CD403", ("CD203", "CD502"), "what lies below the resolution is rounded away", When.ANY),
    Edge(
        "CD501",
        (
            *("CD301", "CD302", "CD303", "CD304", "CD305", "CD306", "CD308", "CD310", "CD311"),
            *("CD313", "CD314", "CD403", "CD502"),
        ),
        "a model cannot tell apart what enters it alike",
        When.ANY,
    ),
    Edge(
        "CD501",
        ("CD104", "CD107", "CD203", "CD207", "CD208"),
        "of inputs that are all alike any two are equal, and there is nothing to learn",
        When.ANY,
        Span.TRAINING,
    ),
    Edge(
        "CD502",
        ("CD401",),
        "the distance of equal rows is zero, where the derivative of a root is infinite",
        When.BEFORE,
    ),
    Edge("CD502", ("CD313",), "a row with many equals is the nearest of all of them", When.ANY),
    Edge(
        "CD503",
        ("CD207", "CD208"),
        "with one label there are only pairs to pull together",
        When.NOT_AFTER,
        Span.TRAINING,
    ),
    Edge("CD503", ("CD307",), "one label has one point", When.NOT_AFTER, Span.TRAINING),
    *_learnt("CD503", "with one label there are only pairs to pull together", Span.TRAINING),
)
"""Every edge there is."""


@cache
def edges_from(cause: str) -> dict[str, Edge]:
    """Return what follows from a code, by the code of the effect."""
    return {effect: edge for edge in EDGES if edge.cause == cause for effect in edge.effects}


def edge_between(cause: str, effect: str, declared: Iterable[str] = ()) -> Edge | None:
    """Return the edge between two codes; of one that only the rule declares nothing is known."""
    found = edges_from(cause).get(effect)
    if found is None and effect in declared:
        return Edge(cause, (effect,), "", When.ANY)
    return found


def edges_to(effect: str) -> dict[str, Edge]:
    """Return what a code may follow from, by the code of the cause, in the order of the table."""
    return {edge.cause: edge for edge in EDGES if effect in edge.effects}
