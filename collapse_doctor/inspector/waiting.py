"""What process 0 keeps back until the other processes have spoken of the same step."""

from __future__ import annotations

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from collapse_doctor.inspector.joining import (
    ComparisonKey,
    are_alike,
    are_kin,
    comparison_key,
    join_blocks,
    join_labels,
    kinds_of,
)
from collapse_doctor.inspector.letters import Block, Key, LabelMark, open_letter
from collapse_doctor.recording.memory import Sink
from collapse_doctor.recording.observations import (
    Comparison,
    Labels,
    Notice,
    Observation,
    Use,
)

__all__ = ["WaitingRoom"]

ROOM_BYTES = 64 << 20
"""Rows of process 0 that wait for those of others; beyond it the oldest wait no longer."""
MOST_LABELS = 4096
MOST_NOTICES = 16
"""Notices taken over from each other process."""
ANNOUNCING_STEPS = 8
ANNOUNCING_SECONDS = 2.0
"""A process that was not heard of in so many steps, and so long, is not waited for."""


@dataclass
class _Peer:
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
    notices: int = 0
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


class WaitingRoom:
    """Own blocks, labels and comparisons, and those of other processes, until they can be joined.

    Parameters
    ----------
    sink
        Where observations go when they are joined.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._world = 1
        self._opened = -math.inf
        self._peers: dict[int, _Peer] = {}
        self._digests: dict[int, bytes] = {}
        self._own: dict[Key, Block] = {}
        self._foreign: defaultdict[Key, list[tuple[int, Block]]] = defaultdict(list)
        self._labels: deque[Labels] = deque(maxlen=MOST_LABELS)
        self._marks: defaultdict[int, list[LabelMark]] = defaultdict(list)
        self._compared: set[ComparisonKey] = set()
        self._said: set[tuple[str, str]] = set()
        self._told: list[tuple[int, int, Observation]] = []  # step heard at, rank, what
        self._joined: set[int] = set()
        self._alike: Counter[tuple[int, str]] = Counter()
        self._spread: Counter[tuple[int, str]] = Counter()
        self._blocks_joined = 0
        self._replicas = 0
        self._progress = 0
        self._fault = ""

    def open(self, world: int) -> None:
        """Expect ``world`` processes."""
        self._world = world
        self._opened = time.monotonic()

    @property
    def expects_more(self) -> bool:
        """Whether somebody who was heard of has not said goodbye."""
        return not self._fault and any(self._is_awaited(peer) for peer in self._peers.values())

    @property
    def is_early(self) -> bool:
        """Whether somebody may yet announce itself."""
        missing = len(self._peers) < self._world - 1
        new = time.monotonic() - self._opened < ANNOUNCING_SECONDS
        return not self._fault and missing and (new or self._progress < ANNOUNCING_STEPS)

    def awaits(self, step: int) -> bool:
        """Tell whether somebody has not spoken of ``step`` yet."""
        waited = (peer for peer in self._peers.values() if self._is_awaited(peer))
        return not self._fault and (self.is_early or any(peer.heard < step for peer in waited))

    # Taking in

    def append(self, observation: Observation) -> None:
        """Take in an observation of process 0."""
        match observation:
            case Labels(distinct=1) if self.expects_more or self.is_early:
                self._labels.append(observation)
                return
            case Comparison():
                self._compared.add(comparison_key(observation))
            case Notice(about=about, text=text):
                self._said.add((about, text))
        self._sink.append(observation)

    def add(self, blocks: Iterable[Block]) -> None:
        """Take in blocks of process 0."""
        for block in blocks:
            self._own[block.key] = block

    def note_weights(self, progress: int, digest: bytes) -> None:
        """Remember the weights of process 0 when ``progress`` steps were over."""
        self._progress = progress
        self._digests[progress] = digest
        self._settle()

    def take(self, content: bytes) -> None:
        """Open a letter of another process."""
        letter = open_letter(content)
        peer = self._peers.setdefault(letter.rank, _Peer())
        for block in letter.blocks():
            self._foreign[block.key].append((letter.rank, block))
        for mark in letter.labels:
            self._marks[mark.step].append(mark)
        step = max(letter.progress, peer.heard)
        self._told += [(step, letter.rank, one) for one in letter.observations()]
        if letter.progress >= 0:
            peer.heard, peer.lost = step, letter.lost
            peer.ended, peer.reason = peer.ended or letter.ended, letter.reason
            if letter.progress or letter.ended:
                peer.digests[letter.progress] = letter.weights
        self._settle()

    def cut_off(self, fault: str, progress: int) -> None:
        """Wait for nobody any more: the store is gone."""
        if not self._fault:
            self._fault = fault
            text = f"other ranks cannot be heard any more since step {progress} ({fault})"
            self._sink.append(Notice("ranks", text, progress))

    def _settle(self) -> None:
        for peer in self._peers.values():
            peer.settle(self._digests)

    # Giving back

    def ready(self, progress: int) -> list[Block]:
        """Return the blocks that nobody will add to, joined."""
        self._progress = max(self._progress, progress)
        frontier = self._frontier()
        done = [block for block in self._own.values() if block.progress < frontier]
        waiting = [block for block in self._own.values() if block.progress >= frontier]
        excess = sum(block.bytes for block in waiting) - ROOM_BYTES
        for block in waiting:
            if excess > 0:
                done.append(block)
                excess -= block.bytes
        self._settle_observations(frontier)
        return [self._join(block) for block in done]

    def clear(self) -> list[Block]:
        """Return all blocks, joined with what is there; what comes later comes too late."""
        self._settle_observations(math.inf)
        return [self._join(block) for block in list(self._own.values())]

    def finish(self) -> list[Block]:
        """Return all blocks, and say what is missing."""
        blocks = self.clear()
        for text in self._account():
            self._sink.append(Notice("ranks", text, self._progress))
        for (rank, layer), count in self._alike.items():
            if count > 2:
                text = f"its rows of {layer} were all alike at {count} of "
                text += f"{self._spread[rank, layer]} steps, and rank 0's were not"
                self._sink.append(Notice(f"rank {rank}", text, self._progress))
        return blocks

    def _frontier(self) -> float:
        """Return the step before which everybody has spoken."""
        if self._fault:
            return math.inf
        if self.is_early:
            return 0
        waited = (peer for peer in self._peers.values() if self._is_awaited(peer))
        return min((peer.settled for peer in waited), default=math.inf)

    def _is_awaited(self, peer: _Peer) -> bool:
        return not peer.ended and peer.kin is not False and not self._is_silent(peer)

    def _is_silent(self, peer: _Peer) -> bool:
        return self._progress > 2 * peer.heard + 64

    def _join(self, own: Block) -> Block:
        del self._own[own.key]
        others = self._foreign.pop(own.key, [])
        kin = [(rank, block) for rank, block in others if self._peers[rank].kin]
        joined, replicas = join_blocks(own, [block for _, block in kin])
        self._joined.update({rank for rank, _ in kin})
        self._compare_spread(own, kin)
        self._blocks_joined += bool(kin)
        self._replicas += bool(kin) and replicas == len(kin)
        return joined

    def _compare_spread(self, own: Block, others: Sequence[tuple[int, Block]]) -> None:
        """Count rows that are one point on another rank only: joined with ours they hide."""
        if own.role == "block" or are_alike(own.rows):
            return
        for rank, block in others:
            self._alike[rank, f"{own.model}.{own.layer}"] += are_alike(block.rows)
            self._spread[rank, f"{own.model}.{own.layer}"] += 1

    def _settle_observations(self, frontier: float) -> None:
        """Record what waited for the others to speak of its step."""
        # Labels may be told when the optimizer has stepped already: after the letter of that step.
        while self._labels and self._labels[0].step < frontier - 1:
            own = self._labels.popleft()
            self._sink.append(join_labels(own, self._marks.pop(own.step, ())))
        told, self._told = self._told, []
        for entry in told:  # process 0 must have had the chance to see it itself
            if entry[0] <= self._progress or frontier == math.inf:
                self._take_over(*entry[1:])
            else:
                self._told.append(entry)
        passed = min(frontier, self._progress)
        for step in [step for step in self._marks if step < passed - 1]:
            del self._marks[step]
        for key in [key for key, blocks in self._foreign.items() if blocks[0][1].progress < passed]:
            if key not in self._own:  # too late, or of a step that was not measured here
                del self._foreign[key]

    def _take_over(self, rank: int, observation: Observation) -> None:
        if isinstance(observation, Use):
            self._sink.append(observation)
        elif isinstance(observation, Comparison):
            self._take_over_comparison(rank, observation)
        elif isinstance(observation, Notice) and self._peers[rank].notices < MOST_NOTICES:
            at = (observation.about, observation.text)
            if at not in self._said:
                self._said.add(at)
                self._peers[rank].notices += 1
                text = f"{observation.about}: {observation.text}"
                self._sink.append(Notice(f"rank {rank}", text, observation.step))

    def _take_over_comparison(self, rank: int, comparison: Comparison) -> None:
        key = comparison_key(comparison)
        if key in self._compared:
            return
        self._compared.add(key)
        self._sink.append(comparison)
        site, kinds = comparison.site, kinds_of(comparison)
        text = (
            f"{comparison.function} at {site.file}:{site.line} compared operands that are related "
            f"({kinds}) there, and not on rank 0"
        )
        if (text, "") not in self._said:
            self._said.add((text, ""))
            self._sink.append(Notice(f"rank {rank}", text, comparison.step))

    # The account at the end

    def _account(self) -> Iterator[str]:
        peers = self._peers
        if self._joined:
            together = names([0, *self._joined])
            yield f"rows of {together} of {self._world} were measured together"
        if self._replicas > 2 and 2 * self._replicas > self._blocks_joined:
            yield "the other ranks were given the same samples as rank 0: they count once"
        if absent := [rank for rank in range(1, self._world) if rank not in peers]:
            yield f"{names(absent)} had no Inspector, or was not heard of: its rows are missing"
        strangers = [r for r, p in peers.items() if p.kin is False]
        if strangers:
            yield f"{names(strangers)} trained other weights than rank 0: not joined with its rows"
        silent: defaultdict[int, list[int]] = defaultdict(list)
        for rank, peer in peers.items():
            if not peer.ended:
                silent[peer.heard].append(rank)
            elif peer.reason:
                yield f"rank {rank} ended at step {peer.heard}: {peer.reason}"
        for step, ranks in sorted(silent.items()):
            yield f"{names(ranks)} was not heard of after step {step}: its later rows are missing"
        if lost := sum(peer.lost for peer in peers.values()):
            yield f"{lost} blocks of rows of other ranks were left out to stay inside bounds"


def names(ranks: Sequence[int]) -> str:
    """Return ranks as words: "rank 3", "ranks 1, 2 and 5", "ranks 1, 2, 3 and 60 others"."""
    known = [str(rank) for rank in sorted(ranks)]
    if len(known) == 1:
        return f"rank {known[0]}"
    shown = known if len(known) <= 8 else [*known[:3], f"{len(known) - 3} others"]
    return f"ranks {', '.join(shown[:-1])} and {shown[-1]}"
