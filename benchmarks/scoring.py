"""How well what was said of the programs agrees with what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.collection import Program
from benchmarks.examining import Outcome, Said

__all__ = ["Innocents", "Judgement", "Score", "grouped", "judge"]

NEAR = 1
"""A finding at most this many steps from the first occurrence is in time."""


NO_LINE = frozenset({f"CD{number}" for number in (*range(301, 311), 312, 313, 402, 403, 502, 601)})
"""Codes that are about what rows are like: every line before them has had a part in it, and none
of them shows which one it was."""


@dataclass(frozen=True)
class Judgement:
    """One expected code in one run of a program with a fault.

    It is detected if a finding above info has its code: below that the verdict is healthy. Of
    several such findings the first one counts: it is the one that is read. What cannot be judged
    is None: the step of a fault that sets in by and by, the lines of a program without marks, the
    line of a finding that has none in principle (one that it names all the same is judged), and
    all but the detection of codes that merely follow from the cause.
    ``lag`` is in steps from the first occurrence.
    """

    code: str
    outcome: Outcome
    detected: bool
    in_time: bool | None = None
    first: bool | None = None
    right_line: bool | None = None
    names_fault: bool | None = None
    names_meeting: bool | None = None
    lag: int | None = None


@dataclass(frozen=True)
class Score:
    """Judgements on many runs, counted."""

    judgements: Sequence[Judgement]

    @property
    def programs(self) -> int:
        """How many programs these are runs of."""
        return len({each.outcome.program.path for each in self.judgements})

    @property
    def failed(self) -> int:
        """How many judgements are on runs that did not come to their end."""
        return sum(bool(each.outcome.failure) for each in self.judgements)

    @property
    def lags(self) -> list[int]:
        """Steps from the first occurrence to the finding, where both are known, ascending."""
        return sorted(each.lag for each in self.judgements if each.lag is not None)

    def share(self, what: str) -> tuple[int, int]:
        """Return how many judgements hold, and how many there are that could be made."""
        made = [getattr(j, what) for j in self.judgements if getattr(j, what) is not None]
        return sum(made), len(made)


@dataclass(frozen=True)
class Innocents:
    """Runs of programs without fault."""

    outcomes: Sequence[Outcome]

    @property
    def programs(self) -> int:
        """How many programs these are runs of."""
        return len({outcome.program.path for outcome in self.outcomes})

    @property
    def failed(self) -> int:
        """How many runs did not come to their end: of them nothing is known."""
        return sum(bool(outcome.failure) for outcome in self.outcomes)

    @property
    def accused(self) -> list[Outcome]:
        """The runs with a finding above info: false alarms."""
        return [outcome for outcome in self.outcomes if _alarms(outcome)]

    @property
    def alarms(self) -> Counter[str]:
        """In how many runs each code raised a false alarm."""
        return Counter(code for outcome in self.outcomes for code in _alarms(outcome))


def _alarms(outcome: Outcome) -> set[str]:
    return {said.code for said in outcome.findings if said.alarming}


def judge(outcome: Outcome) -> list[Judgement]:
    """Judge a run of a program with a fault by each code that is expected of it, cause first."""
    found: dict[str, Said] = {}
    for said in outcome.findings:
        if said.alarming:
            found.setdefault(said.code, said)
    cause, *others = outcome.program.expected
    return [
        _cause(outcome, cause, found.get(cause)),
        *(Judgement(code, outcome, code in found) for code in others),
    ]


def _cause(outcome: Outcome, code: str, said: Said | None) -> Judgement:
    program, lag = outcome.program, _lag(outcome.program, said)
    named = set() if said is None else {said.line, *said.related}
    right = program.faults | program.shows
    names_none = code in NO_LINE and (said is None or said.line is None)
    is_judged = bool(program.faults) and not names_none
    return Judgement(
        code,
        outcome,
        detected=said is not None,
        in_time=None if program.first is None else lag is not None and abs(lag) <= NEAR,
        first=outcome.primary == code,
        right_line=said is not None and said.line in right if right and not names_none else None,
        names_fault=not program.faults.isdisjoint(named) if is_judged else None,
        names_meeting=not program.meets.isdisjoint(named) if program.meets else None,
        lag=lag,
    )


def _lag(program: Program, said: Said | None) -> int | None:
    if said is None or said.step is None or program.first is None:
        return None
    return said.step - program.first


def grouped(judgements: Iterable[Judgement], key: Callable[[Judgement], str]) -> dict[str, Score]:
    """Return a score for each group, in the order of their names."""
    gathered: dict[str, list[Judgement]] = {}
    for judgement in judgements:
        gathered.setdefault(key(judgement), []).append(judgement)
    return {name: Score(gathered[name]) for name in sorted(gathered)}
