"""Several processes watch one training: process 0 records what all of them see.

Each process takes rows of its own. Processes above 0 send theirs, and what else they saw, at rare
fixed steps; process 0 joins rows of one layer and step before they are measured. It waits for
nobody while the training runs, and a few seconds at the end for those that it heard of.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import msgspec
import numpy as np

from collapse_doctor.inspector.processes import placement
from collapse_doctor.inspector.processes.courier import PAUSE, Courier
from collapse_doctor.inspector.processes.joining import share_of
from collapse_doctor.inspector.processes.letters import (
    MOST_TOLD,
    Block,
    LabelMark,
    Letter,
    is_worth_telling,
    letters,
    spread,
)
from collapse_doctor.inspector.processes.waiting import WaitingRoom
from collapse_doctor.recording.memory import Sink
from collapse_doctor.recording.observations import (
    Labels,
    Manifest,
    Notice,
    Observation,
    Snapshot,
)

__all__ = ["Ranks"]

LEAVE_SECONDS = 4.0
"""How long the end of a watch may wait for processes that were heard of."""
HURRIED_SECONDS = 0.5
"""The same when an exception ends it, or for processes that were never heard of."""
SETTLE_EVERY = 16
"""Steps after which process 0 looks anew at what waits, also without news from others."""
OUTGOING_BYTES = 64 << 20
"""Rows that a process above 0 keeps between two meetings."""
MOST_MARKS = 4096


class Digest(Protocol):
    """A digest of the parameters, which may be on their way from the device."""

    def is_ready(self) -> bool:
        """Tell, without waiting, whether it can be read."""

    def read(self) -> bytes:
        """Return it; waits if need be."""


class Ranks:
    """The place of this process in a training; alone, it hands everything through.

    Parameters
    ----------
    sink
        Where observations of this process go. To others it is itself a sink.
    plan
        What is watched: see :func:`~collapse_doctor.inspector.processes.placement.plan_of`.
    weigh
        Takes a digest of the parameters as they are. A meeting takes place when it has arrived.
    """

    def __init__(self, sink: Sink, plan: str, weigh: Callable[[], Digest]) -> None:
        self.place = placement.place()
        self._sink = sink
        self._plan = plan
        self._weigh = weigh
        self._weighed: deque[tuple[int, Digest]] = deque()
        self._courier: Courier | None = None
        self._room = WaitingRoom(sink)
        self._blocks: deque[Block] = deque()
        self._seen: deque[Observation] = deque(maxlen=MOST_TOLD)
        self._marks: deque[LabelMark] = deque(maxlen=MOST_MARKS)
        self._lost = 0
        self._progress = 0
        self._met = 0
        self._left = False
        if self.place.rank:
            rank, world = self.place
            text = (
                f"rank {rank} of {world}: its own rows only; the recording of all ranks is rank 0's"
            )
            sink.append(Notice("ranks", text))

    def join(self) -> None:
        """Meet the other processes, if there is a process group by now."""
        if self._courier is not None or self._left:
            return
        grouped = placement.group_place()
        if grouped is None or grouped.world < 2:
            return
        self.place = grouped
        self._courier = Courier(*self.place, self._plan)
        if self.place.rank:
            self._send(Letter(self.place.rank, self._progress))
        else:
            self._room.peers.open(self.place.world)

    @property
    def are_several(self) -> bool:
        """Whether there are other processes to meet."""
        return self._courier is not None

    # A sink that shares

    def append(self, observation: Observation) -> None:
        """Record an observation of this process, and let process 0 know."""
        if self._courier is None:
            self._sink.append(observation)
        elif self.place.rank:
            self._sink.append(observation)
            if isinstance(observation, Labels):
                mark = LabelMark(observation.step, observation.distinct, observation.value)
                self._marks.append(mark)
            elif is_worth_telling(observation):
                self._seen.append(observation)
        else:
            self._room.append(observation)

    def append_snapshot(self, snapshot: Snapshot, rows: np.ndarray) -> None:
        """Record rows of this process."""
        self._sink.append_snapshot(snapshot, rows)

    def describe(self, manifest: Manifest) -> None:
        """Replace the manifest of this process's recording."""
        self._sink.describe(manifest)

    def close(self) -> None:
        """Close this process's recording."""
        self._sink.close()

    # Rows

    def offer(self, blocks: Sequence[Block]) -> list[Block]:
        """Take in blocks of this process; return those that are to be measured now."""
        if self._courier is None or not blocks:
            return list(blocks)
        if not self.place.rank:
            self._room.add(blocks)
            return self._room.ready(self._progress)
        self._keep(blocks)
        return list(blocks)

    def tick(self, progress: int) -> list[Block]:
        """Say that ``progress`` steps are over; return joined blocks that are to be measured."""
        self._progress = progress
        self.join()
        if self._courier is None:
            return []
        if placement.is_meeting(progress):
            self._met = progress
            self._weighed.append((progress, self._weigh()))
        self._meet()
        since = progress - self._met
        waits = self._room.peers.awaits(self._met) or self._courier.is_held_up
        if since & (since - 1) == 0 and waits:
            self._courier.look()
        news = self._receive()
        return self._room.ready(progress) if news or progress % SETTLE_EVERY == 0 else []

    def present(self) -> list[Block]:
        """Return all blocks that wait, to be measured with what has come so far."""
        if self._courier is None or self.place.rank:
            return []
        self._receive()
        return self._room.clear()

    def leave(self, reason: str = "") -> list[Block]:
        """Say goodbye; return the last blocks. ``reason`` is the exception that ends the watch."""
        if self._left:
            return []
        self._left = True
        seconds = HURRIED_SECONDS if reason else LEAVE_SECONDS
        if self._courier is None:
            if self.place.world > 1 and not self.place.rank:
                self._say("no process group was seen: the rows of the other ranks are missing")
            return []
        if self.place.rank:
            last = self._weigh().read()  # meetings that were not held yet are part of this one
            self._publish(self._progress, last, ended=True, reason=reason)
            self._courier.close(seconds)
            return []
        self._weighed.append((self._progress, self._weigh()))
        self._meet(waiting=True)
        self._wait(seconds)
        self._courier.close(PAUSE if reason else HURRIED_SECONDS)
        return self._room.finish()

    # Inside

    def _keep(self, blocks: Sequence[Block]) -> None:
        """Keep this process's share of rows until it meets the others."""
        share = share_of(self.place.world)
        fitting = [block for block in blocks if block.fits]
        self._blocks += [replace(b, rows=spread(b.rows, share).clone()) for b in fitting]
        self._lost += len(blocks) - len(fitting)
        while len(self._blocks) > 1 and sum(b.bytes for b in self._blocks) > OUTGOING_BYTES:
            self._blocks.popleft()
            self._lost += 1

    def _meet(self, *, waiting: bool = False) -> None:
        """Hold the meetings whose digest has arrived; ``waiting``: all of them."""
        while self._weighed and (waiting or self._weighed[0][1].is_ready()):
            progress, digest = self._weighed.popleft()
            if self.place.rank:
                self._publish(progress, digest.read())
            else:
                self._room.peers.note_weights(progress, digest.read())

    def _publish(
        self, progress: int, digest: bytes, *, ended: bool = False, reason: str = ""
    ) -> None:
        courier = self._courier
        if courier is None:
            return
        if courier.fault is None:
            lost = self._lost + courier.lost
            head = Letter(self.place.rank, progress, digest, ended=ended, lost=lost)
            head = msgspec.structs.replace(head, labels=tuple(self._marks), reason=reason)
            courier.send(letters(head, self._blocks, self._seen, share_of(self.place.world)))
        else:
            self._say(f"nothing more is sent to rank 0 ({courier.fault})")
        self._blocks.clear()
        self._seen.clear()
        self._marks.clear()

    def _send(self, letter: Letter) -> None:
        if self._courier is not None:
            self._courier.send(letters(letter, (), (), 1))

    def _receive(self) -> bool:
        """Open what has come; return whether there is news."""
        courier = self._courier
        if courier is None or self.place.rank or not (courier.received or courier.fault):
            return False
        try:
            while courier.received:
                self._room.take(courier.received.popleft())
        except msgspec.DecodeError as error:
            self._room.cut_off(f"a letter could not be read: {error}")
        if courier.fault is not None:
            self._room.cut_off(courier.fault)
        return True

    def _wait(self, seconds: float) -> None:
        """Look until everybody who was heard of has said goodbye, or time is up."""
        begin = time.monotonic()
        while self._courier is not None:
            waited = time.monotonic() - begin
            self._courier.look().wait(max(0.0, seconds - waited))
            self._receive()
            news = self._room.peers.is_early and waited < HURRIED_SECONDS
            if waited > seconds or not (self._room.peers.expects_more or news):
                return
            time.sleep(PAUSE)

    def _say(self, text: str) -> None:
        self._sink.append(Notice("ranks", text, self._progress))
