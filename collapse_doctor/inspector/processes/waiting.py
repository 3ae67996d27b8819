"""What process 0 keeps back until the other processes have spoken of the same step."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from collapse_doctor.inspector.processes.joining import are_alike, join_blocks
from collapse_doctor.inspector.processes.letters import Block, Key, open_letter
from collapse_doctor.inspector.processes.peers import Peers, names
from collapse_doctor.inspector.processes.testimony import Testimony
from collapse_doctor.recording.memory import Sink
from collapse_doctor.recording.observations import Notice, Observation

__all__ = ["WaitingRoom"]

ROOM_BYTES = 64 << 20
"""Rows of process 0 that wait for those of others; beyond it the oldest wait no longer."""


class WaitingRoom:
    """Own blocks and observations, and those of other processes, until they can be joined.

    Parameters
    ----------
    sink
        Where observations go when they are joined.
    """

    def __init__(self, sink: Sink) -> None:
        self.peers = Peers()
        self._sink = sink
        self._testimony = Testimony(sink)
        self._own: dict[Key, Block] = {}
        self._foreign: defaultdict[Key, list[tuple[int, Block]]] = defaultdict(list)
        self._joined: set[int] = set()
        self._blocks_joined = 0
        self._replicas = 0
        self._alike: Counter[tuple[int, str]] = Counter()
        self._spread: Counter[tuple[int, str]] = Counter()

    # Taking in

    def append(self, observation: Observation) -> None:
        """Take in an observation of process 0."""
        waits = self.peers.expects_more or self.peers.is_early
        self._testimony.append(observation, waits=waits)

    def add(self, blocks: Iterable[Block]) -> None:
        """Take in blocks of process 0."""
        for block in blocks:
            self._own[block.key] = block

    def take(self, content: bytes) -> None:
        """Open a letter of another process."""
        letter = open_letter(content)
        step = self.peers.spoke(letter)
        for block in letter.blocks():
            self._foreign[block.key].append((letter.rank, block))
        self._testimony.take(letter.rank, step, letter.observations(), letter.labels)

    def cut_off(self, fault: str) -> None:
        """Wait for nobody any more: nothing can be heard, for the reason given."""
        if not self.peers.fault:
            self.peers.fault = fault
            self._say("ranks", f"the other ranks cannot be heard any more ({fault})")

    # Giving back

    def ready(self, progress: int) -> list[Block]:
        """Return the blocks that nobody will add to, joined."""
        self.peers.progress = max(self.peers.progress, progress)
        frontier = self.peers.frontier
        done = [block for block in self._own.values() if block.progress < frontier]
        waiting = [block for block in self._own.values() if block.progress >= frontier]
        excess = sum(block.bytes for block in waiting) - ROOM_BYTES
        for block in waiting:
            if excess > 0:
                done.append(block)
                excess -= block.bytes
        self._settle(frontier)
        return [self._join(block) for block in done]

    def clear(self) -> list[Block]:
        """Return all blocks, joined with what is there; what comes later comes too late."""
        self._settle(math.inf)
        return [self._join(block) for block in list(self._own.values())]

    def finish(self) -> list[Block]:
        """Return all blocks, and say what is missing."""
        blocks = self.clear()
        for text in (*self._account(), *self.peers.account()):
            self._say("ranks", text)
        for (rank, layer), count in self._alike.items():
            if count > 2:
                of = f"{count} of {self._spread[rank, layer]} steps"
                text = f"its rows of {layer} were all alike at {of}, and rank 0's were not"
                self._say(f"rank {rank}", text)
        return blocks

    def _settle(self, frontier: float) -> None:
        self._testimony.settle(frontier, self.peers.progress)
        passed = min(frontier, self.peers.progress)
        for key in [key for key, blocks in self._foreign.items() if blocks[0][1].progress < passed]:
            if key not in self._own:  # too late, or of a step that was not measured here
                del self._foreign[key]

    def _join(self, own: Block) -> Block:
        del self._own[own.key]
        others = self._foreign.pop(own.key, [])
        kin = [(rank, block) for rank, block in others if self.peers[rank].kin]
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

    def _account(self) -> Iterator[str]:
        if self._joined:
            together = names([0, *self._joined])
            yield f"rows of {together} of {self.peers.world} were measured together"
        if self._replicas > 2 and 2 * self._replicas > self._blocks_joined:
            yield "the other ranks were given the same samples as rank 0: they count once"

    def _say(self, about: str, text: str) -> None:
        self._sink.append(Notice(about, text, self.peers.progress))
