"""What the Inspector sees, as plain values: the vocabulary shared by writer, reader and measures.

Observations are msgspec structs: one line of JSON each in a recording's folder, validated as they
are read back. Numbers that are not finite are kept as ``None`` (JSON has no word for them) and the
counts of such rows say how many there were.
"""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

__all__ = [
    "AlongBatch",
    "CallSite",
    "Comparison",
    "Cost",
    "Labels",
    "LayerInfo",
    "Loss",
    "Manifest",
    "Measure",
    "ModelInfo",
    "Notice",
    "Observation",
    "Operand",
    "Origin",
    "Relation",
    "RelationKind",
    "Snapshot",
    "Spread",
    "Tick",
    "Use",
]

FORMAT_VERSION = 1

Role = Literal["output", "chosen", "logits", "block"]
"""``output``: what the model returns; ``chosen``: a layer the user asked for, judged like an
output; ``logits``: an output that was only ever fed to a classification loss; ``block``:
something inside the model."""

Clock = Literal["optimizer", "manual", "forward"]
"""What counted the steps: optimizers, ``inspector.step()``, or outermost forward passes."""

RelationKind = Literal[
    "same-object",  # ``a is b``
    "shared-storage",  # other object, same elements of the same memory
    "detached",  # this step's values, one side cut from the graph
    "equal",  # own memory, equal values, both alive in the graph (or neither)
    "scalar-multiple",  # every row of one is a multiple of that row of the other
    "stale",  # one side is the output of an earlier step
]


class CallSite(Struct, frozen=True, gc=False):
    """A place in the user's source. ``line`` is 1-based; ``source`` is that line's text."""

    file: str
    line: int
    function: str = ""
    source: str = ""


class Origin(Struct, frozen=True, gc=False):
    """Where a tensor came from: the watched layer, step and forward pass that made it.

    ``path`` names the operations between the layer and the tensor, oldest first, as far as they
    were seen: ``("detach", "clone")``.
    """

    model: str
    layer: str
    step: int
    forward: int
    path: tuple[str, ...] = ()


class Operand(Struct, frozen=True, gc=False):
    """One side of a comparison, named as the source names it (``""`` where it cannot be known)."""

    expression: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    origin: Origin | None = None


class Relation(Struct, frozen=True, gc=False):
    """What two operands of one comparison have to do with each other.

    ``left`` and ``right`` are positions in the comparison's operands. ``cosine`` is the smallest
    absolute cosine over rows, ``scale`` the mean ratio right/left, ``difference`` the largest
    absolute difference relative to the operand's own size; all measured in float64. ``age`` is in
    steps, for stale operands.
    """

    kind: RelationKind
    left: int
    right: int
    cosine: float | None = None
    scale: float | None = None
    difference: float | None = None
    age: int | None = None


class Comparison(Struct, frozen=True, gc=False, tag="comparison"):
    """One call of a similarity, distance or pair loss, with both operands.

    ``paired`` is true when row i is compared with row i. ``births`` are the places where an
    operand was made from the other, where the interpreter let us see it. ``similarity`` is the
    mean cosine of the rows that were compared (float64), or None where it was not computed.
    """

    step: int
    forward: int
    function: str
    paired: bool
    site: CallSite
    operands: tuple[Operand, ...]
    relations: tuple[Relation, ...] = ()
    births: tuple[CallSite, ...] = ()
    similarity: float | None = None


class Spread(Struct, frozen=True, gc=False, tag="spread"):
    """One line at which the shapes of two operands met in all pairs, told once for each shape.

    ``kind`` is ``"outer"`` where n numbers met n rows of one, and ``"matrix"`` where a label for
    each row met a matrix of all pairs, ``"margin"`` where a hinge was put on the difference of two
    such matrices. ``result`` is the shape that came of it; ``reduced`` is the
    line at which all of that became one number. ``labels`` is true when one operand was given and
    the other computed.
    """

    step: int
    forward: int
    function: str
    kind: Literal["outer", "matrix", "margin"]
    site: CallSite
    operands: tuple[Operand, ...]
    result: tuple[int, ...]
    reduced: CallSite
    labels: bool = False


class AlongBatch(Struct, frozen=True, gc=False, tag="along-batch"):
    """One line that worked along the batch where rows were meant, told once.

    ``site`` is the line of ``function``; ``met`` is the line that shows that rows were meant: where
    they are compared, or classified. ``columns`` and ``rows`` are the smallest and the largest
    length (or sum, after a softmax) of each, where they were measured.
    """

    step: int
    forward: int
    function: str
    kind: Literal["normalized", "everything", "softmax", "compared"]
    site: CallSite
    operand: Operand
    met: CallSite | None = None
    columns: tuple[float, float] | None = None
    rows: tuple[float, float] | None = None


class Measure(Struct, frozen=True, gc=False, tag="measure"):
    """The measures of one layer at one step; ``values`` is keyed by metric name."""

    step: int
    forward: int
    model: str
    layer: str
    rows: int
    width: int
    dtype: str
    training: bool
    values: dict[str, float | None]


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


class Notice(Struct, frozen=True, gc=False, tag="notice"):
    """Something the reader of a report must know: pooled, not observable, switched off."""

    about: str
    text: str
    step: int | None = None


class Use(Struct, frozen=True, gc=False, tag="use"):
    """What an output was seen to be used for: compared, classified, or fitted to numbers.

    ``directed`` says that its directions count: they met in a cosine or product, or were taken.

    ``through`` is true when layers of its own (a head) stood in between. ``dimensions`` is what
    the target needs at most: K - 1 for K classes, the number of numbers for a regression.
    """

    model: str
    layer: str
    purpose: Literal["compared", "classified", "regressed", "directed"]
    through: bool = False
    dimensions: int | None = None


class Snapshot(Struct, frozen=True, gc=False, tag="snapshot"):
    """Some embedding rows of one layer at one step. The rows themselves lie in ``file``.

    In memory ``file`` is empty and the rows are kept beside the observation.
    """

    step: int
    model: str
    layer: str
    rows: int
    width: int
    file: str = ""
    bytes: int = 0
    sha256: str = ""


class Tick(Struct, frozen=True, gc=False, tag="tick"):
    """How far the training has come; written now and then and at the end."""

    steps: int
    forwards: int
    clock: Clock
    ended: bool = False
    reason: str = ""


class Cost(Struct, frozen=True, gc=False, tag="cost"):
    """What watching has cost the training so far; written now and then and at the end.

    ``elapsed`` are the seconds since the watched block was entered, ``spent`` those of them that
    passed inside the Inspector's own callbacks, both measured; ``budget`` is the share of the time
    it was to keep to (0.005 is half a per cent). ``limited`` is true when keeping to it made the
    Inspector look less often than its schedule.
    """

    step: int
    elapsed: float
    spent: float
    budget: float
    limited: bool = False


Observation = (
    Comparison
    | Cost
    | Measure
    | Labels
    | Loss
    | Notice
    | Snapshot
    | Tick
    | Use
    | Spread
    | AlongBatch
)


class LayerInfo(Struct, frozen=True, gc=False):
    """A watched layer. ``depth`` orders the layers from input (0) to output."""

    name: str
    kind: str
    role: Role
    depth: int


class ModelInfo(Struct, frozen=True, gc=False):
    """A watched model and the layers of it that are watched.

    ``fresh`` is true when its weights were as PyTorch draws them when the watch began.
    """

    name: str
    kind: str
    parameters: int
    layers: tuple[LayerInfo, ...]
    fresh: bool = False


class Manifest(Struct, frozen=True, gc=False):
    """The head of a recording: what was watched, and by which versions."""

    format: int
    created: str
    versions: dict[str, str]
    models: tuple[ModelInfo, ...]
