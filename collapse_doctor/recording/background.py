"""Work done on a thread of its own, behind a queue that drops rather than lets anybody wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

__all__ = ["THREAD_NAME", "Background"]

THREAD_NAME = "collapse-doctor"
LINGER = 0.2
"""Seconds the thread waits for company of the first item: woken for each, it would compete with
the training for the interpreter."""
AT_ONCE = 256
"""Items handed to the work at once; with as many waiting there is nothing to linger for."""
RESERVE = 1 / 8
"""Share of the queue that is kept free for what must not be missing."""

T = TypeVar("T")


class Background(Generic[T]):
    """Does work on items in the order they were put, one batch at a time, on a daemon thread.

    The thread starts with the first item. :meth:`put` never waits and takes microseconds: it only
    ever touches a queue written in C. When the work fails, the failure is kept for the caller to
    see and everything put afterwards is discarded. Use it from one thread at a time, and not at
    all in a forked child, where the thread does not exist.

    Parameters
    ----------
    work
        Takes the items of one batch, oldest first.
    finish
        Is called once, on the thread, after the last item; not after a failure.
    most_items, most_bytes
        What may wait at most. A single item beyond ``most_bytes`` still enters an empty queue.
    """

    def __init__(
        self,
        work: Callable[[Sequence[T]], None],
        finish: Callable[[], None],
        *,
        most_items: int,
        most_bytes: int,
    ) -> None:
        self.failure: Exception | None = None
        self._work = work
        self._finish = finish
        self._most = (most_items, most_bytes)
        # Items with their sizes, and events that are set when their turn comes.
        self._queue: SimpleQueue[tuple[T, int] | threading.Event] = SimpleQueue()
        self._end = threading.Event()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False
        # Two counters of one writer each instead of one that both threads would have to lock.
        self._put = self._put_bytes = 0
        self._done = self._done_bytes = 0

    @property
    def waiting(self) -> int:
        """How many items were put and are not done yet."""
        return max(0, self._put - self._done)

    def has_room(self, size: int, *, vital: bool = False) -> bool:
        """Tell whether an item of ``size`` bytes would be taken."""
        items, waiting_bytes = self.waiting, self._put_bytes - self._done_bytes
        if items == 0:
            return True
        most_items, most_bytes = self._most
        share = 1.0 if vital else 1.0 - RESERVE
        return items < share * most_items and waiting_bytes + size <= share * most_bytes

    def put(self, item: T, size: int, *, vital: bool = False, urgent: bool = False) -> bool:
        """Hand over an item, or return False if there is no room for it.

        Parameters
        ----------
        item
            What the work is done on. Nobody may change it afterwards.
        size
            Its bytes.
        vital
            It may take the last eighth of the room.
        urgent
            The thread does not wait for more.
        """
        if self._closed or not self.has_room(size, vital=vital):
            return False
        if self._thread is None and not self._start():
            self.do_here([item])
            return True
        self._queue.put((item, size))
        self._put += 1
        self._put_bytes += size
        if urgent:
            self._hurry.set()
        return True

    def do_here(self, items: Sequence[T]) -> None:
        """Do the work in the caller's own thread; only before the first :meth:`put`."""
        self._try(lambda: self._work(items))

    def flush(self, timeout: float) -> bool:
        """Wait until all that was put is done; return False if that took longer than ``timeout``.

        Parameters
        ----------
        timeout
            In seconds.
        """
        if self._thread is None or self._closed:
            return self.waiting == 0
        reached = threading.Event()
        self._queue.put(reached)
        self._hurry.set()
        return reached.wait(timeout)

    def close(self, timeout: float) -> bool:
        """Do what is waiting, finish, and end the thread.

        Parameters
        ----------
        timeout
            Seconds to wait for it. Afterwards the thread goes on alone.

        Returns
        -------
        bool
            False if the thread was not done in time.
        """
        if not self._closed:
            self._closed = True
            if self._thread is None:
                self._try(self._finish)
            else:
                self._queue.put(self._end)
                self._hurry.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return self._thread is None or not self._thread.is_alive()

    def _start(self) -> bool:
        """Start the thread; False where the system gives none, or the interpreter is exiting."""
        thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        with contextlib.suppress(RuntimeError):
            thread.start()
            self._thread = thread
        return self._thread is not None

    # On the thread

    def _run(self) -> None:
        mark = None
        while mark is not self._end:
            mark = self._do_next()
            if mark is not None:
                mark.set()
        self._try(self._finish)

    def _do_next(self) -> threading.Event | None:
        """Wait for a batch and do it; return the event that came behind it, if one did."""
        batch, mark = self._next_batch()
        if batch:
            self._try(lambda: self._work([item for item, _ in batch]))
            self._done += len(batch)
            self._done_bytes += sum(size for _, size in batch)
        return mark

    def _next_batch(self) -> tuple[list[tuple[T, int]], threading.Event | None]:
        batch: list[tuple[T, int]] = []
        entry = self._queue.get()
        if not isinstance(entry, threading.Event) and self._queue.qsize() < AT_ONCE:
            self._hurry.wait(LINGER)
        self._hurry.clear()  # before the queue is emptied: who hurries has put something first
        with contextlib.suppress(Empty):
            while not isinstance(entry, threading.Event):
                batch.append(entry)
                if len(batch) == AT_ONCE:
                    return batch, None
                entry = self._queue.get_nowait()
            return batch, entry
        return batch, None

    def _try(self, step: Callable[[], None]) -> None:
        """Do one step unless an earlier one failed; nothing is raised, on neither thread."""
        if self.failure is not None:
            return
        try:
            step()
        except Exception as error:
            self.failure = error.with_traceback(None)  # its frames hold the items
