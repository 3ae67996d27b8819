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
    "Objective",
    "Observation",
    "Operand",
    "Origin",
    "Part",
    "Party",
    "Probe",
    "Pull",
    "Reach",
    "Relation",
    "RelationKind",
    "Sharing",
    "Snapshot",
    "Spread",
    "Tick",
    "Update",
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
    "affine",  # every row of one is a multiple of that row of the other, plus an offset
    "same-input",  # two passes of one network over equal inputs, or two equal views in one pass
    "one-network",  # one network ran under two names, one of them that of a teacher
    "overwritten",  # one side was written over after it was made
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
    """One side of a comparison, named as the source names it (``""`` where it cannot be known).

    ``called`` is how the network that made it is written in the line that ran it.
    """

    expression: str
    shape: tuple[int, ...]
    dtype: str
    requires_grad: bool
    origin: Origin | None = None
    called: str = ""


class Relation(Struct, frozen=True, gc=False):
    """What two operands of one comparison have to do with each other.

    ``left`` and ``right`` are positions in the comparison's operands. ``cosine`` is the smallest
    absolute cosine over rows, ``scale`` the mean ratio right/left, ``difference`` the largest
    absolute difference relative to the operand's own size; all measured in float64. ``age`` is in
    steps, for stale operands. ``scales`` are the smallest and the largest ratio of any row,
    ``offset`` is the size of what an affine copy adds, relative to the right operand's own.
    ``site`` is the line that made it so, where it belongs to this relation alone, and
    ``operation`` what ran there. ``twin`` is another name of the operand, if it was given two.
    """

    kind: RelationKind
    left: int
    right: int
    cosine: float | None = None
    scale: float | None = None
    difference: float | None = None
    age: int | None = None
    scales: tuple[float, float] | None = None
    offset: float | None = None
    site: CallSite | None = None
    operation: str = ""
    twin: str = ""


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
    the other computed. ``made`` is the line that made the first of two matrices.
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
    made: CallSite | None = None


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
    """A term of a loss that draws row i of one side towards row i of the other."""

    left: Party
    right: Party
    site: CallSite | None = None


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
        How far this loss can be from ``collapsed``, whatever the embeddings are; None if unknown.
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
    site: CallSite | None = None


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


class Probe(Struct, frozen=True, gc=False, tag="probe"):
    """What one active test on the probe batch showed of one model.

    Without a ``layer`` it says that the test was made of the model, or in ``reason`` why not; it
    stands before those with one. ``arm`` is the way the model was run where a test compares
    several (``"train"``, ``"eval"``), and ``values`` are keyed by what was measured. ``site`` is
    the line of the model's source that the test is about, where one is known.
    """

    test: str
    model: str
    reason: str = ""
    layer: str = ""
    role: Role = "output"
    depth: int = 0
    arm: str = ""
    rows: int = 0
    width: int = 0
    dtype: str = ""
    values: dict[str, float | None] = {}
    site: CallSite | None = None


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


class Reach(Struct, frozen=True, gc=False, tag="reach"):
    """What came back to one output of one forward pass.

    ``graph`` is false where the output has no way back: it was made under ``no_grad``, or of
    nothing that learns. ``calls`` counts the backward passes that came to it, ``gradient`` is the
    root mean square of what the last of them brought. ``cut`` is the first operation seen to
    take its values out of the graph, ``site`` the line of that; ``made`` the line of the forward
    pass; ``without`` the line that put it under ``no_grad``, where one was found around it.

    ``flow`` is the length of the gradient at the outputs of the model's blocks on its way down, in
    the order of the forward pass, the output itself last; None if not finite. Blocks to which none
    came, or which were not listened to, are left out.
    """

    step: int
    forward: int
    model: str
    layer: str
    graph: bool
    calls: int = 0
    gradient: float | None = None
    cut: str = ""
    site: CallSite | None = None
    made: CallSite | None = None
    without: CallSite | None = None
    flow: tuple[tuple[str, float | None], ...] = ()


class Part(Struct, frozen=True, gc=False):
    """The parameters of one block of a model around one step of an optimizer.

    Looked at are those that the optimizer holds or, if it holds none of the model's, all that
    require a gradient: ``tensors`` of them, of which ``graded`` had a gradient. Of some of their
    numbers, ``sampled``, the gradient was not zero for ``pulled``; ``moved`` changed in the step,
    ``drifted`` between the last look and this one. ``gradient`` and ``weight`` are the root mean
    squares of both, ``change`` that of what the step added to the weights; None if not finite,
    or unknown. Only matrices count for these three, if there is one.

    ``scalars`` of the tensors hold a single number (a temperature). ``alone`` of those with a
    gradient say nothing of an embedding by it: it is zero, or of a single number, or lies along
    the tensor's own values or their signs, as that of a penalty on weights does.
    """

    layer: str
    tensors: int
    graded: int
    dtype: str = ""
    sampled: int = 0
    pulled: int = 0
    moved: int = 0
    drifted: int = 0
    gradient: float | None = None
    weight: float | None = None
    change: float | None = None
    scalars: int = 0
    alone: int = 0


class Update(Struct, frozen=True, gc=False, tag="update"):
    """What one step of an optimizer found of a model's parameters, and what it made of them.

    ``optimizer`` is its class, ``number`` tells it from others; "" is no optimizer, but a look at
    a model that none has moved yet, ``step`` being a forward pass. ``idle`` is true for an
    optimizer that was there at the end and never stepped.

    ``holds`` is whether it holds parameters of the model, ``held`` whether any optimizer did by
    then; ``trainable`` how many parameters require a gradient. ``copied`` says that it holds
    parameters of the same shapes as all of the model's, and not them. ``others`` counts its other
    parameters that had a gradient, single numbers aside. ``missing`` names parameters with a
    gradient that no optimizer seen so far holds, ``absent`` is how many there are. ``rate`` and
    ``eps`` are the optimizer's for this model, the largest over its groups. ``site`` is the line
    of the step, ``made`` that of the optimizer. ``wrong`` is the line that froze parameters, that
    cleared gradients before the step, or that put layers where the model does not know of them,
    where it was found in the source.
    """

    step: int
    model: str
    optimizer: str
    number: int = 0
    holds: bool = True
    held: bool = True
    idle: bool = False
    trainable: int = 0
    training: bool = True
    copied: bool = False
    others: int = 0
    rate: float | None = None
    eps: float | None = None
    missing: tuple[str, ...] = ()
    absent: int = 0
    parts: tuple[Part, ...] = ()
    site: CallSite | None = None
    made: CallSite | None = None
    wrong: CallSite | None = None


Observation = (
    AlongBatch
    | Comparison
    | Cost
    | Measure
    | Labels
    | Loss
    | Notice
    | Objective
    | Probe
    | Reach
    | Snapshot
    | Spread
    | Tick
    | Update
    | Use
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


class Sharing(Struct, frozen=True, gc=False):
    """Two or more names in the watched models that hold one network, or all its parameters.

    ``kind`` says what the names are: models of the watch, entries of one container, parts of
    one model of which one is named as a copy (a teacher), or parts made by one default argument.
    ``names`` begin with the model's; ``owner`` is what holds them: a container or a model.
    ``copied`` is true for objects of their own over the same parameters (``copy.copy``) or their
    memory (``t.data = s.data``). ``role`` is ``"copy"`` where a name says that one is to be the
    other's slow or frozen copy, ``"key"`` where it may be. ``site`` is the line that wrote it,
    where one was found; ``meant`` is true where that line speaks of sharing, or uses a part again
    on purpose. ``step`` is the first at which it was so.
    """

    kind: Literal["models", "container", "parts", "default"]
    names: tuple[str, ...]
    module: str
    parameters: int
    owner: str = ""
    copied: bool = False
    role: Literal["", "copy", "key"] = ""
    site: CallSite | None = None
    meant: bool = False
    step: int = 0


class Manifest(Struct, frozen=True, gc=False):
    """The head of a recording: what was watched, by which versions, and what in it is one."""

    format: int
    created: str
    versions: dict[str, str]
    models: tuple[ModelInfo, ...]
    shared: tuple[Sharing, ...] = ()
