"""Where an operation was told to go along the batch."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from collapse_doctor.leads.bindings import Site
from collapse_doctor.leads.lead import Lead
from collapse_doctor.leads.program import Program, name_of
from collapse_doctor.leads.slices import walked
from collapse_doctor.leads.values import Known, value_of

__all__ = ["along_the_batch"]

_WORDS = ("dim", "axis")
_ALONG = (
    *(
        "softmax",
        "log_softmax",
        "logsoftmax",
        "softmin",
        "normalize",
        "normalise",
        "cosine_similarity",
    ),
    *("cosinesimilarity", "softmax2d", "norm", "l2norm", "vector_norm", "logsumexp", "standardize"),
    *("layer_norm", "cosine", "unit", "l2"),
)
_PLACES = {"softmax": 1, "log_softmax": 1, "normalize": 2, "cosine_similarity": 2}


def along_the_batch(program: Program, starts: list[Site], here: int) -> Iterator[Lead]:
    """Yield where the dimension 0 was written, for what some expressions come of.

    Else it is the only such line of the file, besides ``here``.
    """
    found: dict[int, Lead] = {}
    for reached in walked(program, starts, 5):
        for node in ast.walk(reached.site.node):
            if isinstance(node, ast.Call):
                lead = _lead(program, reached.site._replace(node=node, part=False), node)
                if lead is not None and lead.line != here:
                    found.setdefault(lead.line, lead)
    if found:
        yield from (lead._replace(is_cause=len(found) == 1) for lead in found.values())
        return
    calls = [node for node in program.nodes if isinstance(node, ast.Call)]
    others = [lead for call in calls if (lead := _lead(program, Site(call), call)) is not None]
    others = [lead for lead in others if lead.line != here]
    if len({lead.line for lead in others}) == 1:
        yield others[0]


def _lead(program: Program, site: Site, node: ast.Call) -> Lead | None:
    name = name_of(node.func)
    if name.lower() not in _ALONG:
        return None
    known = _axis(program, site, node, name)
    if known is None or known.value != 0.0:
        return None
    return Lead(known.line if known.far else node.lineno, "dimension 0, the batch, is named here")


def _axis(program: Program, site: Site, node: ast.Call, name: str) -> Known | None:
    for word in node.keywords:
        if word.arg in _WORDS:
            return value_of(program, site._replace(node=word.value))
    place = 0 if name[:1].isupper() else _PLACES.get(name.lower())
    if place is None:
        return None
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if owner is not None and name_of(owner) not in ("F", "functional", "torch", "nn", ""):
        place -= 1  # a method of the tensor itself
    return (
        value_of(program, site._replace(node=node.args[place]))
        if 0 <= place < len(node.args)
        else None
    )
