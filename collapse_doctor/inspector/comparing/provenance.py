"""Which tensors are outputs of a watched model, of which step, and what became of them.

Two ways to know a tensor: it is the very object that was seen, or it lives in the storage of one
that was seen (``detach``, views). Equal values within a step are no proof of descent: a teacher
copied from its student computes the same numbers. Nothing here keeps a tensor, a storage or a
graph alive: both are held weakly, values as 512 numbers of the last few outputs. Values are only
held against each other by :meth:`Provenance.before`, which is asked when they have come over from
the device.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import msgspec
from torch import Tensor
from torch.multiprocessing.reductions import StorageWeakRef

from collapse_doctor.inspector.comparing.passes import Run
from collapse_doctor.inspector.comparing.prints import Fingerprint
from collapse_doctor.inspector.comparing.trail import Trail
from collapse_doctor.inspector.memory.stores import Stores
from collapse_doctor.inspector.memory.writes import Slots, Write, Writes
from collapse_doctor.recording.observations import CallSite, Origin

__all__ = [
    "COPYING",
    "CUTTING",
    "REPEATING",
    "SCALING",
    "SHIFTING",
    "Fingerprint",
    "Known",
    "Provenance",
]

REMEMBERED = 32
"""Outputs whose fingerprints are kept: some steps of some towers."""

CUTTING = frozenset({"detach", "detach_", "data", "numpy", "tolist"})
COPYING = frozenset({"clone", "__deepcopy__", "add", "copy_"})
SCALING = frozenset({"mul", "div", "true_divide", "normalize"})
REPEATING = frozenset({"repeat", "expand", "repeat_interleave", "tile", "expand_as"})
SHIFTING = frozenset(
    {"add", "__add__", "__radd__", "sub", "__sub__", "rsub", "__rsub__", "layer_norm"}
)


@dataclass(frozen=True)
class Known:
    """What is known of a tensor: where it comes from, by which lines, from which input.

    ``inputs`` is a fingerprint of what the model was given in that forward pass. ``made`` is the
    line that ran the forward pass; ``sites`` are the lines of the operations in ``origin.path``.
    ``run`` is all that is known of that pass. ``serial`` orders what was made and what was
    written; ``rewrote`` is the output that lay, still alive, where this one was put. ``changed`` is
    a write through a detached alias after which this was made of it, ``rewritten`` one into the
    very object.
    """

    origin: Origin
    inputs: Fingerprint | None = None
    made: CallSite | None = None
    sites: tuple[CallSite, ...] = ()
    run: Run | None = None
    serial: int = 0
    rewrote: Origin | None = None
    changed: Write | None = None
    rewritten: Write | None = None

    def same_inputs(self, other: Known) -> bool:
        """Tell whether both come from forward passes over equal inputs."""
        return self.inputs is not None and self.inputs.agrees_with(other.inputs)

    def site_of(self, operations: frozenset[str]) -> CallSite | None:
        """Return the line of the first of these operations on the way, or None."""
        steps = zip(self.origin.path, self.sites, strict=True)
        return next((site for operation, site in steps if operation in operations), None)


class Provenance:
    """A weak memory of watched outputs and of tensors made from them."""

    def __init__(self) -> None:
        self._objects: Trail[Known] = Trail()
        self._storages: dict[int, tuple[StorageWeakRef, Known]] = {}
        self._prints: deque[tuple[tuple[int, ...], Fingerprint, Known]] = deque(maxlen=REMEMBERED)
        self._views: Trail[int] = Trail()
        self.slots = Slots()
        self.writes = Writes()
        self.stores = Stores()

    def born(self, tensor: Tensor, known: Known) -> Fingerprint:
        """Remember an output of a watched model; return a fingerprint of it."""
        self.handed_out(tensor, known)
        seal = Fingerprint(tensor)
        self._prints.append((tuple(tensor.shape), seal, known))
        return seal

    def handed_out(self, tensor: Tensor, known: Known) -> None:
        """Remember a tensor that stands for an output: a wrapper's copy of it."""
        self._objects.put(tensor, known)
        storage = StorageWeakRef(tensor.untyped_storage())
        self._storages[storage.cdata] = (storage, known)

    def carried(self, source: Known, result: Tensor, operation: str, site: CallSite) -> None:
        """Remember what an operation made of a tensor that is known."""
        path = (*source.origin.path, operation)
        origin = msgspec.structs.replace(source.origin, path=path)
        sites, serial = (*source.sites, site), self.writes.now()
        self._objects.put(result, replace(source, origin=origin, sites=sites, serial=serial))

    def of(self, tensor: Tensor) -> Known | None:
        """Return what is known of a tensor by its identity or its storage, or None."""
        return self._objects.of(tensor) or self._by_storage(tensor)

    def knows(self, tensor: Tensor) -> bool:
        """Tell whether this very object was seen, and not only its memory."""
        return self._objects.of(tensor) is not None

    def took_view(self, tensor: Tensor) -> None:
        """Remember when a view of memory of which nothing is known was taken."""
        self._views.put(tensor, self.writes.now())

    def viewed(self, tensor: Tensor) -> int:
        """Return when this very object was taken as a view, in the order of writes; else 0."""
        return self._views.of(tensor) or 0

    def before(self, shape: tuple[int, ...], own: Fingerprint, step: int) -> Known | None:
        """Return the output of a step before ``step`` of that shape and those values, or None.

        Values are proof here, as they are not within a step: no other network gives, for other
        inputs, bit for bit what this one gave some steps ago.
        """
        past = [(p, k) for size, p, k in self._prints if size == shape and k.origin.step < step]
        if not past or own.is_constant:
            return None
        return next((known for values, known in reversed(past) if own.agrees_with(values)), None)

    def sweep(self) -> None:
        """Forget what no longer exists. Called once a step, which may be in another thread."""
        self._objects.sweep()
        self._views.sweep()
        for key, (storage, _) in list(self._storages.items()):
            if storage.expired():
                self._storages.pop(key, None)
        self.slots.sweep()
        self.writes.sweep()
        self.stores.sweep()

    def _by_storage(self, tensor: Tensor) -> Known | None:
        if not self._storages:
            return None
        # While the weak reference lives, no other storage can be given the same address.
        found = self._storages.get(tensor.untyped_storage()._cdata)
        return found[1] if found is not None and not found[0].expired() else None
