"""Letters between the processes of one training, by the key-value store of their process group.

No collective is used: one that a process misses hangs all others, and ours would come between the
training's own. A letter is a value under a key; whoever looks for it does not wait for it. Calls of
a store have no upper bound in time (a server that was stopped never answers, whatever time-out is
set), so a thread makes them, on a connection of its own, and the training never waits for it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from datetime import timedelta
from itertools import count
from typing import Any

import torch.distributed as dist

if dist.is_available():  # some builds of torch come without
    from torch.distributed import distributed_c10d
    from torch.distributed.distributed_c10d import PrefixStore

__all__ = ["Courier", "group_store"]

STORE_SECONDS = 5.0
UNREAD_BYTES = 64 << 20
"""Bytes in the store that process 0 has not fetched yet, of all processes together."""
UNOPENED_SECONDS = 0.5
PAUSE = 0.02


def group_store() -> Any:
    """Return the store of the process group as it is now. Raises when there is none."""
    return distributed_c10d._get_default_store()


class Courier:
    """Sends letters to process 0, or as process 0 fetches them.

    Parameters
    ----------
    rank, world
        Number of this process, and how many there are.
    plan
        What is watched. Processes that watch the same meet; the n-th such watch of one process
        meets the n-th of the others.
    """

    def __init__(self, rank: int, world: int, plan: str) -> None:
        self.received: deque[bytes] = deque()
        self.fault: str | None = None
        self.lost = 0
        self._rank = rank
        self._most_unread = UNREAD_BYTES // world
        self._plan = plan
        self._jobs: queue.SimpleQueue[bytes | threading.Event | None] = queue.SimpleQueue()
        self._outbox: deque[bytes] = deque()
        self._unread: list[tuple[str, int]] = []
        self._outstanding: list[int] = []
        self._counted = 0
        self._is_open = False
        self._room = ""
        self._own: Any = None
        self._thread = threading.Thread(target=self._work, name="collapse_doctor", daemon=True)
        self._thread.start()

    def send(self, letters: list[bytes]) -> None:
        """Hand letters over; they leave as soon as process 0 can take them."""
        for letter in letters:
            self._jobs.put(letter)

    @property
    def is_held_up(self) -> bool:
        """Whether letters wait until process 0 can take them."""
        return bool(self._outbox)

    def look(self) -> threading.Event:
        """Deliver or fetch what can be by now; the event says that this was tried."""
        done = threading.Event()
        self._jobs.put(done)
        if self.fault is not None:  # nobody works on jobs any more
            done.set()
        return done

    def close(self, seconds: float) -> None:
        """Let go, at most ``seconds`` later: as a sender when all letters are delivered."""
        begin = time.monotonic()
        deadline = begin + seconds
        while self._rank and time.monotonic() < deadline:
            tried = self.look()  # behind all letters in the queue
            tried.wait(max(0.0, deadline - time.monotonic()))
            waited = time.monotonic() - begin
            if (tried.is_set() and not self._outbox) or self.fault is not None:
                break
            if not self._is_open and waited > UNOPENED_SECONDS:
                break  # process 0 does not watch
            time.sleep(PAUSE)
        self._jobs.put(None)
        self._thread.join(max(PAUSE, deadline - time.monotonic()))

    # In the thread

    def _work(self) -> None:
        done: threading.Event | None = None
        try:
            self._connect()
            while (job := self._jobs.get()) is not None:
                if isinstance(job, bytes):
                    self._keep(job)
                done = job if isinstance(job, threading.Event) else None
                self._deliver() if self._rank else self._fetch()
                if done is not None:
                    done.set()
            self._leave()
        except Exception as error:  # whatever became of the store, the training goes on
            first = (str(error).splitlines() or [""])[0]
            self.fault = f"{type(error).__name__}: {first}"[:200]
            self._own = None
            self._release(done)

    def _release(self, done: threading.Event | None) -> None:
        """Let nobody wait for what will not come."""
        if done is not None:
            done.set()
        while not self._jobs.empty():
            job = self._jobs.get()
            if isinstance(job, threading.Event):
                job.set()

    def _connect(self) -> None:
        store = group_store()
        if hasattr(store, "clone"):
            store = self._own = store.clone()
            store.set_timeout(timedelta(seconds=STORE_SECONDS))
        for number in count():
            self._room = f"collapse_doctor/{self._plan}/{number}"
            line: Any = PrefixStore(self._room, store)
            if not line.check(["closed"]) and line.add(f"entered/{self._rank}", 1) == 1:
                break
        if not self._rank:
            line.set("open", b"1")

    @property
    def _line(self) -> Any:
        """The store under our prefix.

        The group's own store is never kept: in process 0 it owns the server, which must end with
        the group. Older torch, which cannot clone one, borrows it for each call.
        """
        return PrefixStore(self._room, group_store() if self._own is None else self._own)

    def _keep(self, letter: bytes) -> None:
        self._outbox.append(letter)
        while len(self._outbox) > 1 and sum(map(len, self._outbox)) > self._most_unread:
            self._outbox.popleft()
            self.lost += 1

    def _deliver(self) -> None:
        line = self._line
        self._is_open = self._is_open or line.check(["open"])
        if not self._is_open:
            return  # process 0 does not watch, or not yet
        if line.check(["closed"]):
            self._outbox.clear()
            return
        self._unread = [(key, size) for key, size in self._unread if line.check([key])]
        while self._outbox and self._may_send(len(self._outbox[0])):
            key = f"letter/{line.add('letters', 1)}"
            line.set(key, self._outbox[0])
            self._unread.append((key, len(self._outbox.popleft())))

    def _may_send(self, size: int) -> bool:
        unread = sum(size for _, size in self._unread)
        return not unread or unread + size <= self._most_unread

    def _fetch(self) -> None:
        line = self._line
        total = line.add("letters", 0)
        self._outstanding += range(self._counted + 1, total + 1)
        self._counted = total
        missing = []
        for number in self._outstanding:
            key = f"letter/{number}"
            if line.check([key]):  # its sender may have died between number and letter
                self.received.append(line.get(key))
                line.delete_key(key)
            else:
                missing.append(number)
        self._outstanding = missing

    def _leave(self) -> None:
        if not self._rank:
            self._line.set("closed", b"1")
        self._own = None
