"""How two operands of one comparison are related, by their values, their past and their source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from collapse_doctor.inspector.comparing.provenance import (
    CUTTING,
    Fingerprint,
    Known,
    Provenance,
)
from collapse_doctor.inspector.comparing.relations import Related, are_tied, relate_values
from collapse_doctor.inspector.memory.stores import Kept
from collapse_doctor.inspector.pacing.rate import LearningRate
from collapse_doctor.recording.observations import Past, Relation

__all__ = ["Now", "Side", "descends", "has_trained", "kinship", "past_of", "relation"]


class Now(NamedTuple):
    """The moment of a comparison.

    ``forward`` is the number of the last outermost forward pass, ``inputs`` a fingerprint of what
    the model was given in it. ``rate`` is the learning rate of the last step; unless it is known
    to be above zero, ``weights`` are fingerprints of some parameters.
    """

    step: int
    forward: int
    inputs: Fingerprint | None
    weights: tuple[Fingerprint, ...]
    rate: LearningRate


@dataclass(frozen=True)
class Side:
    """One operand: how it is written, what is known of it, and, once they are here, its values.

    ``rows`` (n, d) are on the host; ``print`` is a fingerprint of the whole, of what
    is not known otherwise. ``kept`` tells when it was written, where it was read from a store.
    """

    name: str
    known: Known | None
    shape: tuple[int, ...]
    requires_grad: bool
    print: Fingerprint | None
    rows: Tensor
    kept: Kept | None = None


def kinship(
    left: Side, right: Side, found: Related | None, now: Now, provenance: Provenance
) -> Related | None:
    """Return how two row-paired operands are related, or None.

    ``found`` is what they have to do with each other in memory, if anything.
    """
    if found is not None:
        return found
    cut = left.requires_grad != right.requires_grad
    found = relate_values(left.rows, right.rows, one_side_cut=cut)
    # Equal to an output of an earlier step: that is the past, whatever the values became.
    if _past(left, now, provenance) is not None or _past(right, now, provenance) is not None:
        stale = _is_stale(left, right, now, provenance)
        return Related("stale", by_value=False) if stale else None
    return found if found is not None and _could_be_a_loss(left, right) else None


def _could_be_a_loss(left: Side, right: Side) -> bool:
    """Tell whether equal values matter: without any gradient they are somebody measuring a drift.

    Unless both are of one forward pass: then the second was made from the first.
    """
    if left.requires_grad or right.requires_grad:
        return True
    one, other = left.known, right.known
    return one is not None and other is not None and one.origin.forward == other.origin.forward


def _is_stale(left: Side, right: Side, now: Now, provenance: Provenance) -> bool:
    """One side is an output of an earlier step, for other inputs; the other is of this step.

    The output of an earlier step for the *same* inputs is a target on purpose: temporal
    ensembling, distillation from one's own past, a policy before its update. Inputs are the same
    where their values are, or where each row resembles its partner more than other rows.
    """
    for old, new in ((left, right), (right, left)):
        if old.requires_grad or not _is_present(new, now):
            continue
        past = _past(old, now, provenance)
        if past is not None:
            same = past.same_inputs(new.known or Known(past.origin, now.inputs))
            return not same and not are_tied(_samples(old), _samples(new))
    return False


def _samples(side: Side) -> Tensor:
    """Return one row per sample: two columns of numbers are compared as one row each."""
    return side.rows.T if len(side.shape) == 1 else side.rows


def _is_present(side: Side, now: Now) -> bool:
    of_this_step = side.known is not None and side.known.origin.step == now.step
    return of_this_step or side.requires_grad


def _past(side: Side, now: Now, provenance: Provenance) -> Known | None:
    known = side.known
    if known is None and side.print is not None:
        known = provenance.before(side.shape, side.print, now.step)
    return known if known is not None and known.origin.step < now.step else None


def past_of(left: Side, right: Side, now: Now) -> Past | None:
    """Return what one operand keeps of earlier steps, where the other is of the present, or None.

    Outputs for the very inputs of the present are none.
    """
    for place, (old, new) in enumerate(((left, right), (right, left))):
        if old.requires_grad or new.known is None or new.known.origin.step != now.step:
            continue
        if old.kept is not None and old.known is None and old.kept.last < now.step:
            first, last, written = old.kept
            return Past(place, first, last, is_store=True, site=written)
        known = old.known
        if known is None or known.origin.step >= now.step or known.same_inputs(new.known):
            continue
        runs = known.run, new.known.run
        alike = runs[0] is not None and runs[1] is not None
        alike = alike and runs[0].training == runs[1].training  # type: ignore[union-attr]
        site = known.site_of(CUTTING) or known.made
        return Past(place, known.origin.step, known.origin.step, is_alike=alike, site=site)
    return None


def relation(
    related: Related, place: tuple[int, int], sides: tuple[Side, Side], now: Now, past: Provenance
) -> Relation:
    """Return the observation of a relation between the operands at ``place``."""
    age = None
    if related.kind == "stale":
        origins = [known.origin.step for side in sides if (known := _past(side, now, past))]
        age = now.step - min(origins) if origins else None
    return Relation(
        kind=related.kind,
        left=place[0],
        right=place[1],
        cosine=related.cosine,
        scale=related.scale,
        difference=related.difference,
        age=age,
        scales=related.scales,
        offset=related.offset,
    )


def descends(related: Related, left: Side, right: Side) -> bool:
    """Tell whether both sides are known to come from one layer at one step.

    Otherwise equal values may be a teacher that has not left its student yet, and only values
    that stay equal while parameters move prove an alias.
    """
    if not related.by_value:
        return True
    one, other = left.known, right.known
    if one is None or other is None:
        return False
    places = [(known.origin.model, known.origin.layer, known.origin.step) for known in (one, other)]
    return places[0] == places[1]


def has_trained(before: Now, now: Now) -> bool:
    """Tell whether parameters moved in between, or would have if the loss had a gradient.

    A loss between a thing and itself is constant and moves nothing; a warm-up that begins at a
    learning rate of zero moves nothing either, and there a teacher rightly equals its student.
    """
    if now.rate.is_positive() or len(before.weights) != len(now.weights):
        return True
    pairs = zip(before.weights, now.weights, strict=True)
    return not all(one.agrees_with(other) for one, other in pairs)
