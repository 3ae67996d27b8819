"""Every active test there is. A new one: its function over a bench, one line here, its test.

A test yields a :class:`Probe` for each layer that it has something to say of, and raises
:class:`CannotRun` with the reason where it cannot be made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from collapse_doctor.inspector.probing.bench import Bench
from collapse_doctor.inspector.probing.modes import MODES, compare_modes
from collapse_doctor.inspector.probing.neighbours import NEIGHBOURS, change_neighbours
from collapse_doctor.inspector.probing.noise import NOISE, answer_noise
from collapse_doctor.inspector.probing.padding import PADDING, append_padding
from collapse_doctor.inspector.probing.reach import REACH, reach_back
from collapse_doctor.inspector.probing.redrawn import REDRAWN, draw_anew
from collapse_doctor.recording.observations import Probe

__all__ = ["TESTS", "ActiveTest"]

ActiveTest = Callable[[Bench], Iterable[Probe]]

TESTS: Mapping[str, ActiveTest] = {
    MODES: compare_modes,
    PADDING: append_padding,
    NOISE: answer_noise,
    NEIGHBOURS: change_neighbours,
    REACH: reach_back,
    REDRAWN: draw_anew,
}
