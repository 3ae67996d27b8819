"""Where a finding points to in the source."""

from __future__ import annotations

from dataclasses import replace

from collapse_doctor.findings import Where
from collapse_doctor.recording.observations import CallSite

__all__ = ["at_line"]


def at_line(where: Where, site: CallSite | None) -> Where:
    """Return a place with the line of the source that was seen there; as it is, if none was."""
    if site is None:
        return where
    return replace(where, file=site.file, line=site.line, source=site.source or None)
