"""Joining what several processes saw of one training, so that nothing counts twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from collapse_doctor.inspector.comparing.provenance import Fingerprint
from collapse_doctor.inspector.outputs import is_plain
from collapse_doctor.inspector.processes.letters import Block, LabelMark, spread
from collapse_doctor.recording.observations import CallSite, Comparison, Labels

__all__ = [
    "WeightsDigest",
    "are_alike",
    "are_kin",
    "comparison_key",
    "join_blocks",
    "join_labels",
    "kinds_of",
    "share_of",
]

MOST_ROWS = 256
"""Rows of one layer and step that are measured, of all processes together."""
REPLICA = 0.5
"""Two rows are one sample seen twice when they are nearer than this share of what strangers are."""
PAIRS = 32
"""Rows, or pairs of them, that are looked at for either."""
REPLICAS = 0.9
"""Share of row pairs that must be such for a block to be a replica."""

ALIKE = 1e-6
"""Share of the rows' squared length that may be spread when they count as one point."""

ComparisonKey = tuple[CallSite, str, str, int]


def share_of(world: int) -> int:
    """Return how many rows of a layer and step each of ``world`` processes contributes."""
    return -(-MOST_ROWS // world)


@torch.no_grad()
def join_blocks(own: Block, others: Iterable[Block]) -> tuple[Block, int]:
    """Return the rows of several processes as one block, in equal shares, and who added none.

    Processes that were given the same samples (tensor parallelism, a forgotten distributed
    sampler) add no rows: their number would promise a rank that they cannot have.
    """
    parts, replicas = [own.rows], 0
    for other in others:
        rows = other.rows.to(own.rows.device)
        if any(_is_replica(rows, part) for part in parts):
            replicas += 1
        else:
            parts.append(rows)
    if len(parts) == 1:
        return own, replicas
    share = share_of(len(parts))
    return replace(own, rows=torch.cat([spread(part, share) for part in parts])), replicas


@torch.no_grad()
def are_alike(rows: Tensor) -> bool:
    """Tell whether rows are one point, but for what rounding spreads of it."""
    values = spread(rows, PAIRS).double()
    off = (values - values.mean(0)).square().sum()
    return len(values) > 1 and bool(off <= ALIKE * values.square().sum())


def _is_replica(rows: Tensor, of: Tensor) -> bool:
    """Tell whether row i of one block is the same sample as row i of the other."""
    most = min(len(rows), len(of))  # process 0 has all of its rows, others sent a share of theirs
    rows, of = spread(rows, most), spread(of, most)
    if len(rows) != len(of):
        return False
    one, other = spread(rows, PAIRS).double(), spread(of, PAIRS).double()
    if torch.equal(one, other):
        return True
    if len(one) < 2:
        return False
    distances = torch.cdist(one, other)
    near = distances.diagonal() < REPLICA * distances.median(dim=1).values
    return float(near.double().mean()) >= REPLICAS


def join_labels(own: Labels, others: Sequence[LabelMark]) -> Labels:
    """Return one label of a process beside the labels that others had at that step.

    Where each process is given a class of its own, the labels vary over the processes.
    """
    values = {own.value, *(mark.value for mark in others if mark.distinct == 1)}
    distinct = max([len(values), *(mark.distinct for mark in others)])
    if distinct == 1:
        return own
    return Labels(own.step, own.count, distinct, own.batch, "", own.scalar, own.sizes)


def comparison_key(comparison: Comparison) -> ComparisonKey:
    """Return what a comparison shares with the same one as another process sees it."""
    return comparison.site, comparison.function, kinds_of(comparison), comparison.step


def kinds_of(comparison: Comparison) -> str:
    """Return the kinds of relations of a comparison, as words."""
    return ", ".join(sorted({relation.kind for relation in comparison.relations}))


def are_kin(one: bytes, other: bytes) -> bool | None:
    """Tell whether two digests are of one model; None where they cannot be compared."""
    return one == other if one[:1] == other[:1] != b"" else None


class WeightsDigest:
    """A digest of some parameters as they are now, equal where processes train one model together.

    The parameters are on the host or on their way there. Of parameters sharded over a mesh of
    processes (FSDP2) it is the mesh. Empty where each process holds a part of the parameters and
    none can tell of what.
    """

    @torch.no_grad()
    def __init__(self, models: Iterable[nn.Module]) -> None:
        self._digest, self._kind = hashlib.sha256(), b"w"
        self._taken: list[Fingerprint] = []
        for model in models:
            moving = [p for p in model.parameters() if p.requires_grad]
            meshes = {str(p.device_mesh.mesh.tolist()) for p in moving if hasattr(p, "device_mesh")}
            whole = [p for p in moving if is_plain(p) and p.numel()]
            if _is_flat_sharded(model) or (moving and not whole and not meshes):
                self._kind = b""
                return
            self._kind = b"s" if meshes else self._kind
            self._digest.update(repr(sorted(meshes)).encode())
            self._taken += [Fingerprint(parameter) for parameter in whole[:2] + whole[-2:]]

    def is_ready(self) -> bool:
        """Tell, without waiting, whether the parameters have arrived."""
        return not self._kind or all(taken.has_arrived for taken in self._taken)

    def read(self) -> bytes:
        """Return the digest; waits for the parameters if need be."""
        if not self._kind:
            return b""
        digest = self._digest.copy()
        for taken in self._taken:
            digest.update(taken.values.double().numpy().tobytes())
        return self._kind + digest.digest()


def _is_flat_sharded(model: nn.Module) -> bool:
    """Tell whether the first FSDP holds it: flat parameters that do not say what they are of."""
    return any(type(module).__name__ == "FullyShardedDataParallel" for module in model.modules())
