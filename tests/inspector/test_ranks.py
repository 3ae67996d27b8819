"""Processes that watch together, played by several objects in one process with one store."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn
from torch._C._distributed_c10d import HashStore, TCPStore

from collapse_doctor.inspector.aside import Aside
from collapse_doctor.inspector.processes import courier, letters, peers, placement, ranks, waiting
from collapse_doctor.inspector.processes.joining import (
    WeightsDigest,
    are_alike,
    are_kin,
    join_blocks,
    join_labels,
    share_of,
)
from collapse_doctor.inspector.processes.letters import Block, LabelMark, Letter, open_letter
from collapse_doctor.inspector.processes.peers import names
from collapse_doctor.inspector.processes.placement import Place, is_meeting
from collapse_doctor.inspector.processes.ranks import Ranks
from collapse_doctor.recording.memory import Recording
from collapse_doctor.recording.observations import (
    FORMAT_VERSION,
    CallSite,
    Comparison,
    Labels,
    Manifest,
    Notice,
    Operand,
    Relation,
)
from tests.inspector.elsewhere import LAG, pretend

SITE = CallSite("train.py", 7, "main", "loss = f(a, b)")


def block(step: int = 0, rows: Tensor | None = None, **changes: Any) -> Block:
    rows = torch.randn(32, 8) if rows is None else rows
    fields: dict[str, Any] = {"layer": "output", "training": True, "role": "output"}
    return Block("model", step=step, forward=step, rows=rows, **(fields | changes))


def comparison(step: int, kind: Any = "same-object", line: int = 7) -> Comparison:
    operands = (Operand("a", (4, 8), "float32", True), Operand("b", (4, 8), "float32", True))
    site = CallSite("train.py", line, "main", "loss = f(a, b)")
    relations = (Relation(kind, 0, 1),) if kind else ()
    return Comparison(step, step, "F.cosine_similarity", True, site, operands, relations)


class Digest:
    """A digest that is known, or (``on_its_way``) not before it is waited for."""

    on_its_way = False
    waits_for_nobody = False

    def __init__(self, value: bytes) -> None:
        self._value = value

    def is_ready(self) -> bool:
        return not self.on_its_way

    def read(self) -> bytes:
        assert not self.waits_for_nobody or self.is_ready(), "the training would have waited"
        return self._value


class Member:
    """One process: its place among the ranks, and what it recorded."""

    def __init__(self, rank: int, digest: bytes = b"w", plan: str = "plan") -> None:
        self.recording = Recording(Manifest(FORMAT_VERSION, "", {}, ()))
        self.ranks = Ranks(self.recording, plan, lambda: Digest(digest))
        self.rank = rank
        self.ranks.join()
        self.measured: list[Block] = []

    def step(self, progress: int, *blocks: Block) -> bool:
        self.measured += self.ranks.offer(blocks)
        self.measured += self.ranks.tick(progress)
        return True

    def leave(self, reason: str = "") -> None:
        self.measured += self.ranks.leave(reason)

    @property
    def notices(self) -> list[str]:
        return [f"{notice.about}: {notice.text}" for notice in self.recording.notices]


Meet = Callable[..., Member]


@pytest.fixture
def meet(monkeypatch: pytest.MonkeyPatch) -> Meet:
    """Make members of one group, whose store is a hash table in memory."""
    store = HashStore()
    monkeypatch.setattr(courier, "group_store", lambda: store)
    monkeypatch.setattr(ranks, "LEAVE_SECONDS", 0.5)

    def member(rank: int, world: int = 2, **options: Any) -> Member:
        monkeypatch.setattr(placement, "group_place", lambda: Place(rank, world))
        return Member(rank, **options)

    return member


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "what was sent never arrived"
        time.sleep(0.01)


def heard(member: Member, rank: int) -> int:
    """Return the step up to which process 0 has news of another, after looking for more."""
    member.step(member.ranks._progress)
    known = member.ranks._room.peers
    return known[rank].heard if rank in known else -1


def test_rows_are_measured_together(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    for step in range(20):
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    second.leave()
    first.leave()
    assert [len(one.rows) for one in first.measured] == [64] * 20
    assert [len(one.rows) for one in second.measured] == [32] * 20
    assert first.notices == ["ranks: rows of ranks 0 and 1 of 2 were measured together"]
    assert second.notices[0].startswith("ranks: rank 1 of 2: its own rows only")


def test_rows_are_recorded_while_the_training_runs(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    for step in range(16):
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    until(lambda: second.step(16) and heard(first, 1) == 16)
    assert [len(one.rows) for one in first.measured] == [64] * 16, "not only at the end"
    second.leave()
    first.leave()


def test_nobody_waits_for_a_rank_that_never_came(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "ANNOUNCING_SECONDS", 0.0)
    monkeypatch.setattr(ranks, "LEAVE_SECONDS", 60.0)
    first = meet(0)
    for step in range(40):
        first.step(step + 1, block(step))
    assert len(first.measured) == 40
    begin = time.monotonic()
    first.leave()
    assert time.monotonic() - begin < 30, "nobody announced itself, so nobody is waited for"
    assert first.notices == [
        "ranks: rank 1 had no Inspector, or was not heard of: its rows are missing"
    ]


def test_a_rank_that_falls_silent_is_given_up(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    for step in range(5):
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    until(lambda: second.step(5) and heard(first, 1) == 4)
    assert len(first.measured) == 4
    for step in range(5, 90):
        first.step(step + 1, block(step))
    assert len(first.measured) == 90
    first.leave()
    text = "ranks: rank 1 was not heard of after step 4: its later rows are missing"
    assert text in first.notices


def test_rank_1_without_rank_0_sends_nothing(meet: Meet) -> None:
    second = meet(1)
    for step in range(40):
        second.step(step + 1, block(step))
    begin = time.monotonic()
    second.leave()
    assert time.monotonic() - begin < 5
    assert courier.group_store().num_keys() <= 2, "only that it came"


def test_the_store_is_left_empty_of_rows(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    for step in range(40):
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    second.leave()
    first.leave()
    assert courier.group_store().num_keys() < 10


def test_a_second_watch_does_not_read_the_letters_of_the_first(meet: Meet) -> None:
    meet(0).leave()
    second = meet(1)
    second.step(1, block(0))
    first = meet(0)
    first.step(1, block(0))
    second.leave()
    first.leave()
    again = meet(1)
    again.step(1, block(0))
    last = meet(0)
    last.step(1, block(0))
    again.leave()
    last.leave()
    assert [len(one.rows) for one in first.measured + last.measured] == [64, 64]


def test_other_plans_do_not_meet(meet: Meet) -> None:
    first, second = meet(0), meet(1, plan="another")
    for step in range(20):
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    second.leave()
    first.leave()
    assert {len(one.rows) for one in first.measured} == {32}


def test_nobody_waits_for_the_weights_to_arrive(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Digest, "waits_for_nobody", True)
    first, second = meet(0), meet(1)
    for step in range(18):  # process 0 looks for news 0, 1, 2, 4, … steps after a meeting
        monkeypatch.setattr(Digest, "on_its_way", is_meeting(step + 1))
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    until(lambda: second.step(18) and heard(first, 1) == 16)
    assert [len(one.rows) for one in first.measured] == [64] * 16, "not only at the end"


def test_weights_that_never_arrive_by_themselves_are_waited_for_at_the_end(
    meet: Meet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Digest, "on_its_way", True)
    first, second = meet(0), meet(1)
    for step in range(20):
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    assert not first.measured
    second.leave()
    first.leave()
    assert [len(one.rows) for one in first.measured] == [64] * 20


def test_other_weights_are_not_joined(meet: Meet) -> None:
    first, second = meet(0, digest=b"w1"), meet(1, digest=b"w2")
    for step in range(20):
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    second.leave()
    first.leave()
    assert {len(one.rows) for one in first.measured} == {32}
    assert any("trained other weights" in notice for notice in first.notices)


def test_a_comparison_counts_once_and_a_foreign_one_is_said(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    for step in range(4):
        for member in (second, first):
            member.ranks.append(comparison(step))
        second.ranks.append(comparison(step, "detached", line=9))
        first.ranks.append(comparison(step, None, line=9))
        second.step(step + 1, block(step))
        first.step(step + 1, block(step))
    second.leave()
    first.leave()
    found = [(c.site.line, c.step) for c in first.recording.comparisons if c.relations]
    assert sorted(found) == [(line, step) for line in (7, 9) for step in range(4)]
    said = [notice for notice in first.notices if notice.startswith("rank 1: ")]
    assert said == [
        "rank 1: F.cosine_similarity at train.py:9 compared operands that are related "
        "(detached) there, and not on rank 0"
    ]


def test_notices_of_other_ranks_are_taken_over_once(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    for member in (first, second):
        member.ranks.append(Notice("model.output", "pooled", 0))
    second.ranks.append(Notice("inspector", "switched itself off", 0))
    second.leave()
    first.leave()
    assert first.notices[:2] == ["model.output: pooled", "rank 1: inspector: switched itself off"]


def test_labels_vary_over_ranks(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    until(lambda: heard(first, 1) >= 0)
    for step in range(20):
        for member in (second, first):
            member.step(step + 1, block(step))
            label = Labels(step, 32, 1, 32, str(member.rank))
            member.ranks.append(label)
    second.leave()
    first.leave()
    assert [(label.step, label.distinct) for label in first.recording.labels] == [
        (step, 2) for step in range(20)
    ]
    assert {label.distinct for label in second.recording.labels} == {1}


def test_what_is_asked_for_early_holds_what_is_there(meet: Meet) -> None:
    first, _second = meet(0), meet(1)
    first.step(1, block(0))
    assert first.measured == []
    assert [len(one.rows) for one in first.ranks.present()] == [32]
    _second.leave()
    first.leave()


def test_rows_that_wait_are_bounded(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "ROOM_BYTES", 4 * 32 * 8 * 4)
    first, second = meet(0), meet(1)
    for step in range(7):
        first.step(step + 1, block(step))
    assert [one.step for one in first.measured] == [0, 1, 2], "the oldest wait no longer"
    second.leave()
    first.leave()


class Broken:
    """A store whose server does what the test says, from some call on."""

    def __init__(self, fault: Callable[[], Any]) -> None:
        self._fault = fault

    def __getattr__(self, name: str) -> Any:
        return lambda *_: self._fault()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_store_that_raises_ends_the_joining_only(
    meet: Meet, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    def gone() -> Any:
        raise RuntimeError("Connection reset by peer")

    monkeypatch.setattr(courier, "group_store", gone)
    member = meet(rank)
    for step in range(20):
        member.step(step + 1, block(step))
    member.leave()
    assert len(member.measured) == 20
    assert any("Connection reset by peer" in notice for notice in member.notices)


@pytest.mark.parametrize("rank", [0, 1])
def test_a_store_that_never_answers_holds_nobody_up(
    meet: Meet, monkeypatch: pytest.MonkeyPatch, rank: int
) -> None:
    monkeypatch.setattr(courier, "group_store", lambda: time.sleep(30))
    member = meet(rank)
    begin = time.monotonic()
    for step in range(20):
        member.step(step + 1, block(step))
    member.leave()
    assert time.monotonic() - begin < 15
    assert len(member.measured) == 20


def test_a_letter_that_cannot_be_read_ends_the_joining_only(meet: Meet) -> None:
    first, second = meet(0), meet(1)
    assert second.ranks._courier is not None
    second.ranks._courier.send([b"nonsense"])
    second.leave()
    first.step(1, block(0))
    first.leave()
    assert [len(one.rows) for one in first.measured] == [32]
    assert any("a letter could not be read" in notice for notice in first.notices)


def test_a_group_that_comes_late_is_joined(meet: Meet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setattr(placement, "group_place", lambda: None)
    first = Member(0)
    first.step(1, block(0))
    assert len(first.measured) == 1, "alone so far"
    second = meet(1)
    meet(0).ranks.leave()
    monkeypatch.setattr(placement, "group_place", lambda: Place(0, 2))
    first.step(2, block(1))
    assert first.ranks._courier is not None
    second.leave()
    first.leave()


def test_the_place_is_that_of_the_launcher_without_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    for rank, world, place in (("1", "2", (1, 2)), ("3", "", (0, 1)), ("5", "2", (0, 1))):
        monkeypatch.setenv("RANK", rank)
        monkeypatch.setenv("WORLD_SIZE", world)
        assert placement.place() == place


def test_meetings_are_rare_and_never_far_apart() -> None:
    met = [step for step in range(1, 100_000) if is_meeting(step)]
    assert len(met) < 64, "in 100,000 steps"
    assert met[:6] == [1, 2, 4, 8, 10, 12]
    assert max(later / earlier for earlier, later in pairwise(met[3:])) <= 1.25


# Letters


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_rows_arrive_as_they_were(dtype: torch.dtype) -> None:
    rows = torch.randn(10, 6).to(dtype).t()[:, ::2].t()  # not contiguous
    head = Letter(1, 16, b"w", ended=True, reason="boom")
    (content,) = letters.letters(head, [block(3, rows)], [], 256)
    letter = open_letter(content)
    (arrived,) = letter.blocks()
    assert torch.equal(arrived.rows, rows)
    assert arrived.key == block(3, rows).key
    assert (letter.rank, letter.progress, letter.ended, letter.reason) == (1, 16, True, "boom")


def test_letters_stay_below_what_a_store_takes() -> None:
    wide = [block(step, torch.zeros(128, 4096)) for step in range(5)]
    assert not block(9, torch.zeros(2, 3 << 20)).fits
    widest = block(9, torch.zeros(2, letters.LETTER_BYTES // 4))
    sent = letters.letters(Letter(1, 16, ended=True), [*wide, widest], [], 128)
    assert max(map(len, sent)) < 8 << 20
    opened = [open_letter(content) for content in sent]
    assert [len(list(letter.blocks())) for letter in opened] == [1, 1, 1, 1, 1, 1]
    assert [letter.ended for letter in opened] == [False] * 5 + [True]
    assert [letter.progress for letter in opened] == [-1] * 5 + [16]


def test_the_store_takes_the_longest_letter() -> None:
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    line: Any = cast(Any, store).clone()
    line.set_timeout(timedelta(seconds=20))
    head, rows = Letter(1, 16), torch.zeros(letters.LETTER_BYTES // 4, 1)
    (content,) = letters.letters(head, [block(0, rows)], [comparison(0)] * 256, len(rows))
    line.set("letter", content)
    assert line.get("letter") == content


# Joining


def test_each_rank_has_an_equal_share() -> None:
    own = block(rows=torch.randn(256, 4))
    others = [block(rows=torch.randn(256, 4)) for _ in range(3)]
    joined, replicas = join_blocks(own, others)
    assert (len(joined.rows), replicas) == (256, 0)
    assert share_of(4) == 64
    for one in (own, *others):
        assert torch.isin(one.rows[:, 0], joined.rows[:, 0]).sum() == 64


def test_one_sample_seen_twice_counts_once() -> None:
    own = block()
    noisy = block(rows=own.rows + 0.1 * torch.randn(32, 8))
    joined, replicas = join_blocks(own, [block(rows=own.rows.clone()), noisy])
    assert joined.rows is own.rows
    assert replicas == 2
    assert join_blocks(own, [block(rows=own.rows[::2].clone())])[1] == 1, "a share of them"
    assert join_blocks(own, [block()])[1] == 0


def test_rows_that_are_one_point() -> None:
    point = torch.randn(8)
    assert are_alike(point.repeat(32, 1))
    assert are_alike(point + 1e-7 * torch.randn(32, 8))
    assert not are_alike(point + 0.1 * torch.randn(32, 8))


def test_labels_are_joined() -> None:
    own = Labels(0, 8, 1, 8, "3")
    assert join_labels(own, [LabelMark(0, 1, "3")]) == own
    assert join_labels(own, [LabelMark(0, 1, "4")]).distinct == 2
    assert join_labels(own, [LabelMark(0, 5, "")]).distinct == 5
    assert join_labels(own, []) == own


def test_a_digest_tells_models_apart() -> None:
    torch.manual_seed(0)
    one, other = nn.Linear(4, 4), nn.Linear(4, 4)
    copy = nn.Linear(4, 4)
    copy.load_state_dict(one.state_dict())
    assert are_kin(WeightsDigest([one]).read(), WeightsDigest([copy]).read()) is True
    assert are_kin(WeightsDigest([one]).read(), WeightsDigest([other]).read()) is False
    assert are_kin(WeightsDigest([one]).read(), b"") is None


def test_the_digest_of_the_weights_comes_when_it_has_arrived(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    models = [nn.Linear(4, 4), nn.Linear(4, 4)]
    expected = WeightsDigest(models).read()
    device = pretend(monkeypatch)
    device.runs = True
    with Aside():
        digest = WeightsDigest(models)
        assert not digest.is_ready()
        device.step += LAG
        assert digest.is_ready()
        with torch.no_grad():
            models[0].weight.zero_()
        assert digest.read() == expected
    assert device.breaches == []


def test_ranks_as_words() -> None:
    assert names([3]) == "rank 3"
    assert names([0, 1]) == "ranks 0 and 1"
    assert names(range(64)) == "ranks 0, 1, 2 and 61 others"
