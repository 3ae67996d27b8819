"""What was measured of rows: of layers, of active tests, and what their outputs are used for."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from collapse_doctor.recording.observations.places import CallSite, Role

__all__ = ["Activation", "Measure", "Probe", "Snapshot", "Use"]


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


class Activation(Struct, frozen=True, gc=False, tag="activation"):
    """What one call of an activation function gave inside a model, in one forward pass.

    ``layer`` is the innermost module around it, and ``number`` counts the calls at the same line of
    it in a pass. Of ``units`` features or channels the share ``stuck`` had been at one and the same
    end of the range (0 of a ReLU, either rail of a sigmoid or tanh) for all inputs of this pass and
    the last few before it, ``rows`` values each. ``ends`` is the share of this pass's numbers at an
    end. ``read`` is true where a further layer was seen to read the result, ``returned`` where it
    is an output of the model, ``module`` where the function was called by a module of PyTorch's.
    """

    step: int
    forward: int
    model: str
    layer: str
    number: int
    kind: str
    units: int
    rows: int
    stuck: float | None
    ends: float | None
    read: bool = False
    returned: bool = False
    module: bool = False
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


class Use(Struct, frozen=True, gc=False, tag="use"):
    """What an output was seen to be used for: compared, classified, or fitted to numbers.

    ``directed`` says that its directions count: they met in a cosine or product, or were taken.

    ``eps`` is what the length of a row was held up to at least when its direction was taken, where
    that was the output's own row.

    ``through`` is true when layers of its own (a head) stood in between. ``dimensions`` is what
    the target needs at most: K - 1 for K classes, the number of numbers for a regression.
    """

    model: str
    layer: str
    purpose: Literal["compared", "classified", "regressed", "directed"]
    through: bool = False
    dimensions: int | None = None
    eps: float | None = None


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
