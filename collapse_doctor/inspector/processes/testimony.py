"""What other processes saw beside rows, taken into the recording of process 0 without doubles."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable

from collapse_doctor.inspector.processes.joining import (
    ComparisonKey,
    comparison_key,
    join_labels,
    kinds_of,
)
from collapse_doctor.inspector.processes.letters import LabelMark
from collapse_doctor.recording.memory import Sink
from collapse_doctor.recording.observations import (
    Comparison,
    Labels,
    Notice,
    Observation,
    Use,
)

__all__ = ["Testimony"]

MOST_LABELS = 4096
MOST_NOTICES = 16
"""Notices taken over from each other process."""


class Testimony:
    """Observations of process 0 and those of others, which are kept until both are there.

    Parameters
    ----------
    sink
        Where they go then.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._labels: deque[Labels] = deque(maxlen=MOST_LABELS)
        self._marks: defaultdict[int, list[LabelMark]] = defaultdict(list)
        self._compared: set[ComparisonKey] = set()
        self._said: set[tuple[str, str]] = set()
        self._told: list[tuple[int, int, Observation]] = []  # step heard at, rank, what
        self._notices: defaultdict[int, int] = defaultdict(int)

    def append(self, observation: Observation, *, waits: bool) -> None:
        """Take in an observation of process 0; ``waits`` says whether others may add to it."""
        match observation:
            case Labels(distinct=1) if waits:
                self._labels.append(observation)
                return
            case Comparison():
                self._compared.add(comparison_key(observation))
            case Notice(about=about, text=text):
                self._said.add((about, text))
        self._sink.append(observation)

    def take(
        self, rank: int, step: int, told: Iterable[Observation], labels: Iterable[LabelMark]
    ) -> None:
        """Take in what another process saw until ``step``."""
        self._told += [(step, rank, one) for one in told]
        for mark in labels:
            self._marks[mark.step].append(mark)

    def settle(self, frontier: float, progress: float) -> None:
        """Record what waited: everybody spoke of the steps before ``frontier``.

        ``progress`` is where process 0 is: what others saw later it may yet see itself.
        """
        # Labels may be told when the optimizer has stepped already: after the letter of that step.
        while self._labels and self._labels[0].step < frontier - 1:
            own = self._labels.popleft()
            self._sink.append(join_labels(own, self._marks.pop(own.step, ())))
        told, self._told = self._told, []
        for step, rank, observation in told:
            if step <= progress or frontier == math.inf:
                self._take_over(rank, observation)
            else:
                self._told.append((step, rank, observation))
        passed = min(frontier, progress) - 1
        for step in [step for step in self._marks if step < passed]:
            del self._marks[step]

    def _take_over(self, rank: int, observation: Observation) -> None:
        if isinstance(observation, Use):
            self._sink.append(observation)
        elif isinstance(observation, Comparison):
            self._take_over_comparison(rank, observation)
        elif isinstance(observation, Notice) and self._notices[rank] < MOST_NOTICES:
            at = (observation.about, observation.text)
            if at not in self._said:
                self._said.add(at)
                self._notices[rank] += 1
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
