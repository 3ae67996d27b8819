"""CD314 saturated-activation: units of an activation are at one end of its range, and stay there.

What it finds
-------------
Inside the model, nearly all units of a ReLU are zero for every input; or nearly all numbers that a
sigmoid or tanh gives to a further layer are at its rails, where it is flat; or half of its units
are at one and the same rail for every input. The first such place is named.

Why it matters
--------------
A unit that gives the same number for every input tells nothing apart, and where the function is
flat no gradient comes back to change that: what lies before it learns no more.

Likely causes
-------------
A step that was too large (learning rate, no warm-up, no clipping); a bias far from zero; weights
drawn too wide; inputs that were not scaled (0 to 255) before a sigmoid or tanh.

What to do
----------
Scale the inputs; lower the learning rate or warm it up; initialise biases with zero and weights as
the activation asks for (He, Glorot); a normalisation layer before the activation; LeakyReLU or
GELU in place of ReLU.

What would refute it
--------------------
Units that answer only to rare inputs which are missing from these batches; a code that is meant
to be binary and is read by another layer.

Bounds and their source
-----------------------
dead: 0.9 of the units of a ReLU. By `python -m benchmarks.depths` (plain networks of 3 to 30 layers
on digits, from the first steps to step 400) those that learn have up to 0.67 dead units in their
deepest layers, of 3 layers 0.25, and those that do not learn 0.77, with nothing amiss in the ReLU.
rate: 0.05. Where the living units answer to fewer inputs than that on average, the code is sparse
on purpose (a sparse autoencoder), and the silent ones may be waiting for their input.
rails: 0.9 of the numbers are within 1/400 of the range of an end: there the slope of sigmoid and
tanh is below 1 % of its greatest. By the same benchmark tanh layers whose weights are five times
too wide read 0.53, and those of PyTorch's own initialisation next to nothing. Only what a further
layer reads counts: a gate that is multiplied with something, probabilities and binary codes that
the model returns want to be there.
stuck: 0.5 of the units of a sigmoid or tanh at one rail for all inputs. Even behind
inputs a thousand times too large the sign differs from input to input, and it is 0.03.
Of what the model returns this counts for tanh alone, since probabilities of rare classes are 0.
wide: 0.53, that very reading. Where it took as many looks from there to the bound, and the loss was
lower in these than before them, gradients did come through: on data that can be told apart without
remainder the weights of a network grow without bound, and saturate its units for good while it
is right (Soudry et al.). That is told as info.
rows: 32 values of each unit, as many as CD304 asks for. looks: 3 different steps, the last ones.

References
----------
Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
AISTATS 2010 (saturation). Soudry et al., "The Implicit Bias of Gradient Descent on Separable
Data", JMLR 2018. Lu et al., "Dying ReLU and Initialization: Theory and Numerical
Examples", 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from collapse_doctor.findings import Confidence, Evidence, Severity, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.recording.observations import Activation
from collapse_doctor.rules.geometry import evidence, per_cent
from collapse_doctor.rules.places import at_line
from collapse_doctor.rules.rule import Match, NotExamined, Rule

__all__ = ["RULE"]

MOST_RELATED = 3


@dataclass(frozen=True)
class Bounds:
    """When an activation counts as saturated."""

    dead: float = 0.9  # of the units of a ReLU; healthy: 0.67 at most
    rate: float = 0.05  # of the inputs, to which its living units answer; less is a sparse code
    rails: float = 0.9  # of the numbers of a sigmoid or tanh; five times too wide: 0.53
    wide: float = 0.53  # of the numbers: what weights five times too wide read, and still learn
    stuck: float = 0.5  # of the units of a sigmoid or tanh, at one rail; saturated by inputs: 0.03
    rows: int = 32  # values of each unit
    looks: int = 3  # steps


@dataclass(frozen=True)
class _Found:
    """One place that is saturated since the look ``begun``, and how."""

    begun: Activation
    now: Activation
    how: str
    looks: int
    approach: tuple[int, ...] = ()  # steps on the way from weights too wide to the rails


def check(measurements: Measurements, bounds: Bounds) -> Iterator[Match]:
    """Yield one match for each model with a saturated activation: the first of them."""
    if measurements.subject.kind == "embeddings":
        raise NotExamined("a file holds no activations; watch the training")
    places = _places(measurements.activations)
    if not places:
        raise NotExamined(
            "no activation function was seen inside a model that learns: ReLU, sigmoid and tanh "
            "are known, outside compiled code"
        )
    by_model: dict[str, list[_Found]] = {}
    for looks in places:
        found = _judge(looks, bounds)
        if found is not None:
            by_model.setdefault(found.now.model, []).append(found)
    for found_there in by_model.values():
        in_order = sorted(found_there, key=lambda f: f.begun.step)
        grown = all(_has_grown(measurements, found, bounds) for found in in_order)
        yield _match(in_order, bounds, grown=grown)
    if not by_model and not any(_are_enough(looks, bounds) for looks in places):
        raise NotExamined(
            f"activations were looked at in fewer than {bounds.looks} steps, or on fewer than "
            f"{bounds.rows} inputs"
        )


def _places(seen: Sequence[Activation]) -> list[list[Activation]]:
    """Return the looks at each place, in the order in which a forward pass comes to them."""
    places: dict[tuple[object, ...], list[Activation]] = {}
    for one in seen:
        line = one.site.line if one.site is not None else 0
        key = (one.model, one.layer, line, one.number, one.kind, one.units)
        places.setdefault(key, []).append(one)
    return list(places.values())


def _are_enough(looks: Sequence[Activation], bounds: Bounds) -> bool:
    wide = [one for one in looks if one.rows >= bounds.rows]
    return len({one.step for one in wide}) >= bounds.looks


def _judge(looks: Sequence[Activation], bounds: Bounds) -> _Found | None:
    """Return since when a place is saturated without a break, None if it is not."""
    for how, holds in _WAYS.items():
        since: list[Activation] = []
        for one in reversed(looks):
            if not holds(one, bounds):
                break
            since.append(one)
        if since and _are_enough(since, bounds):
            before = looks[: len(looks) - len(since)] if how == "flat" else ()
            return _Found(
                since[-1],
                looks[-1],
                how,
                len({one.step for one in since}),
                _approach(before, bounds),
            )
    return None


def _approach(before: Sequence[Activation], bounds: Bounds) -> tuple[int, ...]:
    """Return the last steps before the rails at which most numbers were near them already."""
    steps: list[int] = []
    for one in reversed(before):
        if one.ends is None or one.ends < bounds.wide:
            break
        steps.append(one.step)
    return tuple(sorted(set(steps)))


def _has_grown(measurements: Measurements, found: _Found, bounds: Bounds) -> bool:
    """Tell whether the loss was lower on the way to the rails than before: it is no accident."""
    losses = measurements.losses
    if losses is None or len(found.approach) + 1 < bounds.looks:  # and the one at the bound
        return False
    before = losses.loc[losses["step"] < found.approach[0], "value"]
    meanwhile = losses.loc[losses["step"].between(found.approach[0], found.begun.step), "value"]
    return bool(meanwhile.median() < before.median())  # False for NaN: none was seen


def _is_dead(one: Activation, bounds: Bounds) -> bool:
    if one.kind != "relu" or not (one.read or one.returned or one.module):
        return False  # a hinge of a loss is zero where there is nothing left to do
    if one.stuck is None or one.ends is None or one.stuck < bounds.dead:
        return False
    return one.stuck >= 1 or (1 - one.ends) / (1 - one.stuck) >= bounds.rate


def _is_stuck(one: Activation, bounds: Bounds) -> bool:
    counts = one.read or (one.returned and one.kind == "tanh")
    return one.kind != "relu" and counts and one.stuck is not None and one.stuck >= bounds.stuck


def _is_flat(one: Activation, bounds: Bounds) -> bool:
    return one.kind != "relu" and one.read and one.ends is not None and one.ends >= bounds.rails


_WAYS: dict[str, Callable[[Activation, Bounds], bool]] = {
    "dead": _is_dead,
    "stuck": _is_stuck,
    "flat": _is_flat,
}


def _match(found: Sequence[_Found], bounds: Bounds, *, grown: bool) -> Match:
    first, others = found[0], found[1 : 1 + MOST_RELATED]
    share, bound = {
        "dead": (first.now.stuck, bounds.dead),
        "stuck": (first.now.stuck, bounds.stuck),
        "flat": (first.now.ends, bounds.rails),
    }[first.how]
    return Match(
        message=_message(first, len(found) - 1) + (_GROWN if grown else ""),
        severity=Severity.INFO if grown else Severity.WARNING,
        where=_where(first),
        related=tuple(_where(other, "the same here") for other in others),
        evidence=evidence(
            saturated=Evidence(
                share or 0.0, bound, ">=", meaning="numbers" if first.how == "flat" else "units"
            ),
            at_first=Evidence(first.begun.step, unit="step", meaning="and ever since"),
            rows=Evidence(first.now.rows, bounds.rows, ">="),
            looks=Evidence(first.looks, bounds.looks, ">=", unit="steps"),
        ),
        confidence=Confidence.HIGH,
    )


_GROWN = (
    " The loss was lower on the way there than before: this is how weights grow on data that can "
    "be told apart without remainder."
)


def _message(found: _Found, others: int) -> str:
    now = found.now
    name = {"relu": "ReLU"}.get(now.kind, now.kind)
    share = now.ends if found.how == "flat" else now.stuck
    many = per_cent(share or 0.0)
    what = {
        "dead": f"{many} of the {now.units} units of the {name} {_at(now)} give 0 for every input",
        "stuck": f"{many} of the {now.units} units of the {name} {_at(now)} are at one rail for "
        "every input",
        "flat": f"{many} of what the {name} {_at(now)} gives are at its rails, where it is flat",
    }[found.how]
    since = f", from step {found.begun.step:,} on" if found.begun.step else ", from the start"
    more = f" So are {others} other places in {now.model}." if others else ""
    return f"{what}{since}: no gradient comes back through it.{more}"


def _at(one: Activation) -> str:
    """Name the place of an activation: its module, or the line where it is called."""
    place = f"{one.model}.{one.layer}" if one.layer else one.model
    if one.site is None:
        return f"in {place}" if not one.number else f"in {place} (call {one.number + 1})"
    call = f", call {one.number + 1} there" if one.number else ""
    return f"in {place} (line {one.site.line}{call})"


def _where(found: _Found, note: str = "") -> Where:
    one = found.now
    where = Where(one.model, one.layer or None, found.begun.step, note=note)
    return at_line(where, one.site)


RULE = Rule(
    code="CD314",
    name="saturated-activation",
    severity=Severity.WARNING,
    bounds=Bounds(),
    check=check,
)
