"""A recording in memory: everything observed, inside fixed bounds, and honest about the rest."""

from __future__ import annotations

import itertools
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np

from collapse_doctor.recording.format import finite
from collapse_doctor.recording.observations import (
    Activation,
    AlongBatch,
    Comparison,
    Cost,
    Intake,
    Labels,
    Loss,
    Manifest,
    Measure,
    Notice,
    Objective,
    Observation,
    Probe,
    Reach,
    Snapshot,
    Spread,
    Tick,
    Update,
    Use,
)
from collapse_doctor.recording.retention import (
    DENSE,
    LIMITS,
    Retention,
    Series,
    ThinnedList,
    series_of,
)

__all__ = ["MEASURES", "NOTICES", "SNAPSHOT_BUDGET", "Recording", "Sink", "own_rows"]

SNAPSHOT_BUDGET = 64 << 20
"""Bytes of snapshot rows kept in memory."""
MEASURES = 60_000
"""Measures kept of all layers together."""
NOTICES = 1_000
"""Different notices kept."""

T = TypeVar("T")


class Sink(Protocol):
    """What takes observations in: a :class:`Recording`, or a writer of a folder."""

    def append(self, observation: Observation) -> None:
        """Take in one observation that has no rows."""

    def append_snapshot(self, snapshot: Snapshot, rows: np.ndarray) -> None:
        """Take in some embedding rows, (n, d), as float32; they are copied."""

    def describe(self, manifest: Manifest) -> None:
        """Replace the manifest, when more became known about what is watched."""

    def close(self) -> None:
        """Finish. More than once does no harm."""


class Recording:
    """Observations in the order they came, bounded.

    Beyond :data:`SNAPSHOT_BUDGET` bytes of rows, and beyond fixed counts of the other kinds, older
    observations are thinned: see :mod:`collapse_doctor.recording.retention`. What was dropped is
    counted and said in :attr:`notices`.

    Parameters
    ----------
    manifest
        What is watched.
    snapshot_budget
        Bytes of snapshot rows kept.
    """

    def __init__(self, manifest: Manifest, *, snapshot_budget: int = SNAPSHOT_BUDGET) -> None:
        self.manifest = manifest
        self.tick: Tick | None = None
        self.cost: Cost | None = None
        self._arrived = 0
        self._series: dict[Series, ThinnedList[tuple[int, Any]]] = {}
        self._notices: dict[tuple[str, str], Notice] = {}
        self._notices_dropped = 0
        self._uses: dict[Use, None] = {}
        self._probes: dict[tuple[str, ...], Any] = {}
        self._shapes: dict[Spread | AlongBatch, None] = {}
        self._snapshots: dict[int, tuple[Snapshot, np.ndarray]] = {}
        self._snapshots_dropped = 0
        self._retention = Retention(snapshot_budget)

    @property
    def measures(self) -> list[Measure]:
        """Measures of all layers, oldest first. A new list: to add, use :meth:`append`."""
        return self._in_order(Measure)

    @property
    def comparisons(self) -> list[Comparison]:
        """Comparisons of all call sites, oldest first. A new list."""
        return self._in_order(Comparison)

    @property
    def intakes(self) -> list[Intake]:
        """What entered the models, oldest first. A new list."""
        return self._in_order(Intake)

    @property
    def labels(self) -> list[Labels]:
        """Labels, oldest first. A new list."""
        return self._in_order(Labels)

    @property
    def losses(self) -> list[Loss]:
        """Losses, oldest first. A new list."""
        return self._in_order(Loss)

    @property
    def objectives(self) -> list[Objective]:
        """What was minimised, oldest first. A new list."""
        return self._in_order(Objective)

    @property
    def reaches(self) -> list[Reach]:
        """What came back to the outputs, oldest first. A new list."""
        return self._in_order(Reach)

    @property
    def activations(self) -> list[Activation]:
        """What activation functions gave, oldest first. A new list."""
        return self._in_order(Activation)

    @property
    def updates(self) -> list[Update]:
        """Steps of optimizers that were looked at, oldest first. A new list."""
        return self._in_order(Update)

    @property
    def uses(self) -> list[Use]:
        """Every use that an output was seen to be put to, once. A new list."""
        return list(self._uses)

    @property
    def probes(self) -> list[Probe]:
        """What active tests showed, the last word on each. A new list."""
        return list(self._probes.values())

    @property
    def shapes(self) -> list[Spread | AlongBatch]:
        """What shapes and dimensions of calls showed, once each, oldest first. A new list."""
        return sorted(self._shapes, key=lambda shape: shape.step)

    @property
    def snapshots(self) -> list[tuple[Snapshot, np.ndarray]]:
        """Snapshots with their rows, (n, d) float32, oldest first. A new list."""
        return list(self._snapshots.values())

    @property
    def notices(self) -> list[Notice]:
        """Notices, each once, and what was dropped to stay inside the bounds. A new list."""
        kinds = {
            Measure: "measures",
            Comparison: "comparisons",
            Intake: "inputs",
            Labels: "labels",
            Loss: "losses",
            Objective: "objectives",
            Activation: "looks at activations",
            Reach: "gradients of outputs",
            Update: "looks at steps of optimizers",
        }
        counts = {
            name: sum(series.dropped for key, series in self._series.items() if key[0] is kind)
            for kind, name in kinds.items()
        }
        counts |= {"snapshots": self._snapshots_dropped, "notices": self._notices_dropped}
        said = [
            Notice("recording", f"{count} older {kind} were dropped to keep the recording bounded")
            for kind, count in counts.items()
            if count
        ]
        return [*self._notices.values(), *said]

    def append(self, observation: Observation) -> None:
        """Take in one observation. Numbers that are not finite become ``None``.

        Raises
        ------
        TypeError
            For a snapshot, which needs its rows: see :meth:`append_snapshot`.
        """
        match observation:
            case Tick():
                self.tick = observation
            case Cost():
                self.cost = observation
            case Notice():
                self._note(observation)
            case Snapshot():
                raise TypeError("a snapshot needs its rows: use append_snapshot")
            case Use():
                self._uses[observation] = None
            case Probe(test=test, model=model, layer=layer, arm=arm):
                self._probes[test, model, layer, arm] = finite(observation)
            case Spread() | AlongBatch():
                self._shapes[observation] = None
            case (
                Measure()
                | Comparison()
                | Intake()
                | Labels()
                | Loss()
                | Objective()
                | Reach()
                | Update()
                | Activation()
            ):
                self._arrived += 1
                series = self._series_for(series_of(observation))
                series.append((self._arrived, finite(observation)))

    def append_snapshot(self, snapshot: Snapshot, rows: np.ndarray) -> None:
        """Take in some embedding rows of one layer; older ones may be dropped for them.

        Parameters
        ----------
        snapshot
            Where and when the rows were taken.
        rows
            (n, d), copied as float32.

        Raises
        ------
        ValueError
            If the shape of ``rows`` is not (``snapshot.rows``, ``snapshot.width``).
        """
        rows = own_rows(snapshot, rows)
        self._arrived += 1
        kept = msgspec.structs.replace(snapshot, file="", bytes=0, sha256="")
        self._snapshots[self._arrived] = (kept, rows)
        layer = (snapshot.model, snapshot.layer)
        dropped = self._retention.add(self._arrived, layer, snapshot.step, rows.nbytes)
        self._snapshots_dropped += len(dropped)
        for key in dropped:
            del self._snapshots[key]

    def describe(self, manifest: Manifest) -> None:
        """Replace the manifest."""
        self.manifest = manifest

    def close(self) -> None:
        """Do nothing: what is in memory stays."""

    def _series_for(self, key: Series) -> ThinnedList[tuple[int, Any]]:
        if key not in self._series:
            kind: Any = key[0]
            self._series[key] = ThinnedList(LIMITS[kind])
            if kind is Measure:
                self._share_measures()
        return self._series[key]

    def _share_measures(self) -> None:
        # Layers share what there is: a model with hundreds of them must not fill the memory.
        layers = [series for key, series in self._series.items() if key[0] is Measure]
        for series in layers:
            series.limit = max(4 * DENSE, min(LIMITS[Measure], MEASURES // len(layers)))

    def _in_order(self, kind: type[T]) -> list[T]:
        lists = (series.items for key, series in self._series.items() if key[0] is kind)
        # What was seen earlier may have been judged, and told, later.
        found = sorted(itertools.chain(*lists), key=lambda told: (told[1].step, told[0]))
        return [observation for _, observation in found]

    def _note(self, notice: Notice) -> None:
        at = (notice.about, notice.text)
        if at not in self._notices and len(self._notices) >= NOTICES:
            self._notices_dropped += 1
            return
        self._notices.setdefault(at, notice)


def own_rows(snapshot: Snapshot, rows: np.ndarray) -> np.ndarray:
    """Return a float32 copy of ``rows`` that shares no memory with the training.

    Raises
    ------
    ValueError
        If the shape is not the one ``snapshot`` gives.
    """
    if rows.shape != (snapshot.rows, snapshot.width):
        raise ValueError(
            f"expected rows of shape ({snapshot.rows}, {snapshot.width}), got {rows.shape}"
        )
    with np.errstate(over="ignore"):  # float64 rows beyond float32 become inf, and are counted
        return np.array(rows, dtype=np.float32, order="C")
