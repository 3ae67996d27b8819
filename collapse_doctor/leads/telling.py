"""Give a finding the lines that lead to its own: at most two, and none where none is known.

Where one of them explains what was found all by itself, it becomes the line to change, and the
line at which that came to light one of those that lead there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice

from collapse_doctor.findings import Finding, Where
from collapse_doctor.inspector.source.reading import reading
from collapse_doctor.leads import neutral
from collapse_doctor.leads.asking import ASKED, Ask, Place
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Program, program_of

__all__ = ["MOST", "led"]

MOST = 2
"""Lines that are added: of more nobody would know where to begin."""

_OPTION = re.compile(r"add_argument|add_option|\boption\(|\bOption\(")
_OVERRULED = ", unless the command line says otherwise"
_SHOWS = "it comes to light here"


def led(finding: Finding) -> Finding:
    """Return a finding with the lines added that lead to its own, as far as they can be read.

    The file is read anew. Where it does not say any more what it said when the program ran, or
    cannot be read, the finding is as it was.
    """
    found = _found(finding)
    added = [where for where, _ in found]
    cause = next((where for where, is_cause in found if is_cause), None)
    if cause is None:
        return replace(finding, related=(*finding.related, *added))
    others = [where for where in added if where is not cause]
    shown = [replace(finding.where, note=_SHOWS)] if finding.where.line is not None else []
    where = replace(cause, step=finding.where.step)
    return replace(finding, where=where, related=(*shown, *finding.related, *others))


@reading(tuple)
def _found(finding: Finding) -> tuple[tuple[Where, bool], ...]:
    """Return the lines that lead to a finding's own, and of each whether it alone explains it."""
    ask = ASKED.get(finding.code)
    place = _place(finding) if ask is not None else None
    if ask is None or place is None:
        return ()
    return tuple(_new(finding, place.program, _leads(place, ask)))


def _leads(place: Place, ask: Ask) -> Iterator[Lead]:
    yield from ask(place)
    if place.finding.where.line is not None and place.statement is not None:
        yield from neutral.guards(place.program, place.statement)


def _place(finding: Finding) -> Place | None:
    known = [one for one in (finding.where, *finding.related) if one.file and one.line]
    if not known:
        return None
    first = known[0]
    program = program_of(first.file or "")
    line = first.line or 0
    if program is None or not first.source or program.text(line) != first.source.strip():
        return None  # another file than the one that ran: its lines are nobody's business
    met = [one.line for one in known if "compared" in one.note and one.file == first.file]
    statement = program.statement_at(line)
    meeting = program.statement_at(met[0] or 0) if met else statement
    return Place(program, finding, line, statement, meeting)


def _new(finding: Finding, program: Program, leads: Iterable[Lead]) -> list[tuple[Where, bool]]:
    """Return the first few leads to lines that the finding does not name yet."""
    named = {(one.file, one.line) for one in (finding.where, *finding.related)}
    found: list[tuple[Where, bool]] = []
    for lead in islice(leads, 40):
        if (program.file, lead.line) in named:
            continue
        named.add((program.file, lead.line))
        text = program.text(lead.line)
        option = _OPTION.search(text) is not None
        note = lead.note + (_OVERRULED if option else "")
        place = replace(finding.where, step=None, file=program.file, line=lead.line)
        is_cause = lead.is_cause and not option and not program.has_default(lead.line)
        found.append((replace(place, source=text or None, note=note), is_cause))
        if len(found) == MOST:
            break
    return found
