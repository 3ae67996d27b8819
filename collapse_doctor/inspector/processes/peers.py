"""The other processes, as process 0 knows them: who is waited for, and what became of each."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from collapse_doctor.inspector.processes.joining import are_kin
from collapse_doctor.inspector.processes.letters import Letter

__all__ = ["Peer", "Peers", "names"]

ANNOUNCING_STEPS = 8
ANNOUNCING_SECONDS = 2.0
"""A process that was not heard of in so many steps, and so long, is not waited for."""


@dataclass
class Peer:
    """What is known of another process.

    ``heard`` is the step it last spoke at, ``settled`` the last at which its weights were found
    to be ours, or not (``kin``). Its rows are joined up to there.
    """

    heard: int = 0
    settled: int = 0
    kin: bool | None = None
    ended: bool = False
    reason: str = ""
    lost: int = 0
    digests: dict[int, bytes] = field(default_factory=dict)

    def settle(self, own: dict[int, bytes]) -> None:
        """Compare weights at the steps at which both sides know them."""
        for step in [step for step in self.digests if step in own]:
            kin = are_kin(self.digests.pop(step), own[step])
            if kin is not None and self.kin is not False:
                self.kin = kin
            elif self.kin is None:
                self.kin = True
            self.settled = max(self.settled, step)


class Peers:
    """All other processes that were heard of, by rank.

    ``fault`` says why nobody can be heard any more; ``progress`` is where process 0 is itself.
    """

    def __init__(self) -> None:
        self.fault = ""
        self.progress = 0
        self.world = 1
        self._opened = -math.inf
        self._known: dict[int, Peer] = {}
        self._digests: dict[int, bytes] = {}

    def open(self, world: int) -> None:
        """Expect ``world`` processes, this one among them."""
        self.world = world
        self._opened = time.monotonic()

    def __contains__(self, rank: int) -> bool:
        """Tell whether a process was heard of."""
        return rank in self._known

    def __getitem__(self, rank: int) -> Peer:
        """Return what is known of a process that was heard of."""
        return self._known[rank]

    def spoke(self, letter: Letter) -> int:
        """Take note of a letter; return the step its sender is at."""
        peer = self._known.setdefault(letter.rank, Peer())
        if letter.progress >= 0:
            peer.heard, peer.lost = max(letter.progress, peer.heard), letter.lost
            peer.ended, peer.reason = peer.ended or letter.ended, letter.reason
            if letter.progress or letter.ended:
                peer.digests[letter.progress] = letter.weights
        peer.settle(self._digests)
        return peer.heard

    def note_weights(self, progress: int, digest: bytes) -> None:
        """Remember the weights of process 0 when ``progress`` steps were over."""
        self.progress = max(progress, self.progress)
        self._digests[progress] = digest
        for peer in self._known.values():
            peer.settle(self._digests)

    @property
    def expects_more(self) -> bool:
        """Whether somebody who was heard of has not said goodbye."""
        return not self.fault and any(map(self._is_awaited, self._known.values()))

    @property
    def is_early(self) -> bool:
        """Whether somebody may yet announce itself."""
        missing = len(self._known) < self.world - 1
        new = time.monotonic() - self._opened < ANNOUNCING_SECONDS
        return not self.fault and missing and (new or self.progress < ANNOUNCING_STEPS)

    @property
    def frontier(self) -> float:
        """The step before which everybody who is waited for has spoken."""
        if self.fault:
            return math.inf
        if self.is_early:
            return 0
        waited = filter(self._is_awaited, self._known.values())
        return min((peer.settled for peer in waited), default=math.inf)

    def awaits(self, step: int) -> bool:
        """Tell whether somebody has not spoken of ``step`` yet."""
        waited = filter(self._is_awaited, self._known.values())
        return not self.fault and (self.is_early or any(peer.heard < step for peer in waited))

    def _is_awaited(self, peer: Peer) -> bool:
        silent = self.progress > 2 * peer.heard + 64
        return not peer.ended and peer.kin is not False and not silent

    def account(self) -> Iterator[str]:
        """Yield what is missing, in words."""
        if absent := [rank for rank in range(1, self.world) if rank not in self]:
            yield f"{names(absent)} had no Inspector, or was not heard of: its rows are missing"
        if strangers := [rank for rank, peer in self._known.items() if peer.kin is False]:
            yield f"{names(strangers)} trained other weights than rank 0: not joined with its rows"
        for rank, peer in self._known.items():
            if peer.ended and peer.reason:
                yield f"rank {rank} ended at step {peer.heard}: {peer.reason}"
        silent: defaultdict[int, list[int]] = defaultdict(list)
        for rank, peer in self._known.items():
            if not peer.ended:
                silent[peer.heard].append(rank)
        for step, ranks in sorted(silent.items()):
            yield f"{names(ranks)} was not heard of after step {step}: its later rows are missing"
        if lost := sum(peer.lost for peer in self._known.values()):
            yield f"{lost} blocks of rows of other ranks were left out to stay inside bounds"


def names(ranks: Sequence[int]) -> str:
    """Return ranks as words: "rank 3", "ranks 1, 2 and 5", "ranks 1, 2, 3 and 60 others"."""
    known = [str(rank) for rank in sorted(ranks)]
    if len(known) == 1:
        return f"rank {known[0]}"
    shown = known if len(known) <= 8 else [*known[:3], f"{len(known) - 3} others"]
    return f"ranks {', '.join(shown[:-1])} and {shown[-1]}"
