"""The thread behind the writer: order, bounds, and an end that comes whatever happens."""

import threading

import pytest

from collapse_doctor.recording import background as background_module
from collapse_doctor.recording.background import THREAD_NAME, Background


class Work:
    """Collects what it is given; can be held up, or fail at one item."""

    def __init__(self, failing=None):
        self.done, self.batches, self.finished = [], 0, 0
        self.failing = failing
        self.threads = set()
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def __call__(self, items):
        self.entered.set()
        assert self.gate.wait(30)
        self.batches += 1
        self.threads.add(threading.current_thread())
        for item in items:
            if item == self.failing:
                raise OSError(28, "No space left on device")
            self.done.append(item)

    def finish(self):
        self.finished += 1
        self.threads.add(threading.current_thread())


def start(work, items=1_000, size=1_000):
    return Background(work, work.finish, most_items=items, most_bytes=size)


def ours():
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def held(work, background):
    """Let the thread take one item and keep it busy with it."""
    work.gate.clear()
    background.put("held", 1, urgent=True)
    assert work.entered.wait(30)


def test_items_are_done_in_order_on_another_thread_that_ends():
    work = Work()
    background = start(work)
    assert ours() == []
    for number in range(700):
        assert background.put(number, 0)
    (thread,) = ours()
    assert thread.daemon
    assert background.close(30)
    assert work.done == list(range(700))
    assert work.finished == 1
    assert work.threads == {thread}
    assert ours() == []
    assert background.waiting == 0


def test_a_thread_that_was_never_needed_never_starts():
    work = Work()
    background = start(work)
    assert background.flush(30)
    assert background.close(30)
    assert (work.finished, work.threads) == (1, {threading.current_thread()})


def test_a_flush_waits_for_what_was_put_and_not_for_company(monkeypatch):
    monkeypatch.setattr(background_module, "LINGER", 3_600)
    work = Work()
    background = start(work)
    for number in range(5):
        background.put(number, 0)
    assert background.flush(30)
    assert work.done == list(range(5))
    assert work.batches == 1
    background.put(5, 0, urgent=True)
    assert background.flush(30)
    assert background.close(30)


def test_an_urgent_item_takes_the_waiting_ones_along_at_once(monkeypatch):
    monkeypatch.setattr(background_module, "LINGER", 3_600)
    work = Work()
    background = start(work)
    background.put(0, 0)
    background.put(1, 0, urgent=True)
    assert work.entered.wait(30)
    assert background.close(30)
    assert work.done == [0, 1]


def test_a_crowd_is_not_kept_waiting_for_more(monkeypatch):
    monkeypatch.setattr(background_module, "LINGER", 3_600)
    monkeypatch.setattr(background_module, "AT_ONCE", 10)
    work = Work()
    background = start(work)
    held(work, background)
    for number in range(25):
        background.put(number, 0)
    work.entered.clear()
    work.gate.set()
    assert work.entered.wait(30)
    assert background.close(30)
    assert work.done == ["held", *range(25)]
    assert work.batches >= 4


def test_a_full_queue_refuses_and_keeps_a_part_for_what_must_not_be_missing():
    work = Work()
    background = start(work, items=16, size=1_000_000)
    held(work, background)
    taken = [background.put(number, 1) for number in range(30)]
    assert taken == [True] * 13 + [False] * 17  # 14 = 7/8 of 16, the one under way among them
    vital = [background.put(f"vital {number}", 1, vital=True) for number in range(5)]
    assert vital == [True, True, False, False, False]
    assert background.waiting == 16
    work.gate.set()
    assert background.flush(30)
    assert background.put(99, 1)  # there is room again
    assert background.close(30)
    assert work.done == ["held", *range(13), "vital 0", "vital 1", 99]


def test_bytes_are_bounded_too_and_one_large_item_still_passes():
    work = Work()
    background = start(work, size=800)
    assert background.has_room(5_000)
    held(work, background)
    assert not background.has_room(5_000)
    assert [background.put(number, 300) for number in range(4)] == [True, True, False, False]
    assert background.put(9, 99, vital=True)
    work.gate.set()
    assert background.flush(30)
    assert background.put("large", 5_000)
    assert background.close(30)
    assert work.done == ["held", 0, 1, 9, "large"]


def test_a_failure_is_kept_and_the_rest_is_discarded():
    work = Work(failing=3)
    background = start(work)
    for number in range(3):
        background.put(number, 1)
    assert background.flush(30)
    background.put(3, 1)
    assert background.flush(30)
    assert isinstance(background.failure, OSError)
    assert background.failure.__traceback__ is None  # it would keep the items alive
    for number in range(4, 8):
        background.put(number, 1)
    assert background.flush(30)
    assert background.close(30)
    assert (work.done, work.finished) == ([0, 1, 2], 0)
    assert ours() == []


def test_a_failing_end_is_kept_as_well():
    def fail():
        raise OSError(5, "Input/output error")

    background = Background(Work(), fail, most_items=9, most_bytes=9)
    background.put(0, 1)
    assert background.close(30)
    assert str(background.failure) == "[Errno 5] Input/output error"


def test_waiting_has_an_end():
    work = Work()
    background = start(work)
    held(work, background)
    background.put(1, 1)
    assert not background.flush(0.01)
    assert not background.close(0.01)
    assert background.waiting == 2
    assert not background.put(2, 1)
    work.gate.set()
    assert background.close(30)  # the thread went on alone
    assert work.done == ["held", 1]


def test_where_no_thread_can_be_had_the_work_is_done_at_once(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    work = Work()
    background = start(work)
    assert background.put(1, 1)
    assert work.done == [1]
    assert background.flush(30)
    assert background.close(30)
    assert work.threads == {threading.current_thread()}


@pytest.mark.parametrize("rounds", [20])
def test_two_counters_never_lose_an_item(rounds):
    for _ in range(rounds):
        work = Work()
        background = start(work, items=10_000, size=10_000_000)
        taken = [number for number in range(2_000) if background.put(number, 7)]
        assert background.close(30)
        assert work.done == taken == list(range(2_000))
        assert (background.waiting, background._put_bytes, background._done_bytes) == (
            0, 14_000, 14_000,
        )  # fmt: skip
