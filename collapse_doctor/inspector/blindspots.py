"""What could not be seen in a training, in words: silence is to mean healthy."""

from __future__ import annotations

from collections.abc import Iterator

from collapse_doctor.inspector.comparing.vocabulary import MEETING
from collapse_doctor.inspector.mode import ModeWindow
from collapse_doctor.inspector.moment import Moment
from collapse_doctor.inspector.source.reading import given_up

__all__ = ["blind_spots", "unread"]

TRANSFORMED = "ran inside a transform (vmap, grad), where no operand can be looked at"
UNREAD = "some source could not be read, so a line may be missing or not the best one"


def blind_spots(moment: Moment, window: ModeWindow, *, compiled: bool) -> Iterator[tuple[str, str]]:
    """Yield what limits a diagnosis, and what it is about, once the training is over.

    Parameters
    ----------
    moment, window
        Where the training ended, and what went by the window.
    compiled
        Whether anything was compiled.
    """
    hidden = {MEETING[func] for func in window.transformed if func in MEETING}
    if hidden:
        yield "torch.func", f"{' and '.join(sorted(hidden))} {TRANSFORMED}"
    steps, last = moment.step, moment.labelled_step
    inside = "; they may have run inside compiled code, as in a compiled training step"
    why = inside if compiled else ""
    if not moment.forwards:
        yield "inspector", f"no forward pass of a watched model was seen in this thread{why}"
    elif compiled and steps > last + 1:
        yield "inspector", f"no forward pass was seen after step {last:,} of {steps:,}{why}"
    yield from unread()


def unread() -> Iterator[tuple[str, str]]:
    """Yield the same for source that could not be read since this was last asked."""
    for fault in given_up():
        yield "source", f"{UNREAD} ({fault})"
