"""One self-contained page: complete without JavaScript, silent on the network, fit to be mailed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup, escape

from collapse_doctor.findings import Diagnosis, Finding
from collapse_doctor.measurements import LayerState, Measurements
from collapse_doctor.reports import wording
from collapse_doctor.reports.evidence import layer_charts, layer_name, training_charts
from collapse_doctor.reports.excerpt import excerpts, short_path
from collapse_doctor.reports.notices import cautions, notices
from collapse_doctor.reports.prose import blocks, spans
from collapse_doctor.reports.provenance import versions
from collapse_doctor.reports.readings import readings
from collapse_doctor.reports.text import count, number, plain
from collapse_doctor.version import __version__

__all__ = ["fragment", "page"]

MAX_BYTES = 2_000_000  # a report people can mail and open
MAX_FINDINGS = 40
MAX_TABLES = 24  # layers with a table of numbers
OPEN_TABLES = 2

# Nothing may be loaded or run; a renderer's slip would stay inert.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'"
)


def page(diagnosis: Diagnosis, *, created: str | None = None) -> str:
    """Return the report as one HTML document.

    Parameters
    ----------
    diagnosis
        What to report.
    created
        A date to print at the foot. Left out by default, so that equal diagnoses give equal bytes.

    Returns
    -------
    str
        At most 2 MB: a larger page is made again without its charts, and says so.
    """
    charts, curves = tuple(layer_charts(diagnosis)), tuple(training_charts(diagnosis))
    context = _context(diagnosis) | {"created": plain(created or "", 80)}
    template = _environment().get_template("report.html.j2")
    text = template.render(context, charts=charts, curves=curves, charts_left_out=False)
    if len(text.encode()) > MAX_BYTES:
        text = template.render(context, charts=(), curves=(), charts_left_out=True)
    return text


def fragment(diagnosis: Diagnosis) -> str:
    """Return a small piece of static HTML for a notebook's output cell."""
    template = _environment().get_template("notebook.html.j2")
    return template.render(_context(diagnosis))


@cache
def _environment() -> Environment:
    """Templates escape everything by default and refuse unknown names."""
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"words": _words, "prose": _prose, "number": number, "plain": plain}
    environment.filters |= {
        "measured": wording.measured,
        "bound": wording.bound,
        "interval": wording.interval,
        "counted": count,
    }
    environment.globals |= {"style": Markup(_resource("style.css")), "policy": POLICY}
    return environment


def _resource(name: str) -> str:
    """Return a file of the ``templates`` folder as text."""
    return (files("collapse_doctor.reports") / "templates" / name).read_text(encoding="utf-8")


def _context(diagnosis: Diagnosis) -> dict[str, Any]:
    """Name everything the templates may use."""
    symbol, word, sentence = wording.headline(diagnosis)
    rest = wording.others(diagnosis)
    tables = _tables(diagnosis)
    return {
        "title": plain(diagnosis.subject.title, 200),
        "details": [(plain(k, 80), plain(v, 400)) for k, v in diagnosis.subject.details.items()],
        "tone": _tone(diagnosis, symbol),
        "symbol": symbol,
        "word": word,
        "sentence": sentence,
        "summary": wording.summary(diagnosis),
        "primary": _card(diagnosis.primary) if diagnosis.primary else None,
        "followers": [_card(finding) for finding in wording.followers(diagnosis)[:MAX_FINDINGS]],
        "hedge": wording.hedge(diagnosis.primary) if diagnosis.primary else "",
        "rivals": wording.rivals(diagnosis),
        "others": [_group(*group) for group in rest[:MAX_FINDINGS]],
        "left_out": sum(1 + len(after) for _, after in rest[MAX_FINDINGS:]),
        "open_tables": tables[:OPEN_TABLES],
        "folded_tables": tables[OPEN_TABLES:MAX_TABLES],
        "tables_left_out": max(0, len(tables) - MAX_TABLES),
        "cautions": cautions(diagnosis),
        "notices": notices(diagnosis),
        "unexamined": wording.unexamined(diagnosis),
        "passed": [plain(code, 40) for code in diagnosis.passed],
        "version": __version__,
        "versions": versions(),
    }


def _tone(diagnosis: Diagnosis, symbol: str) -> str:
    """Return the colour class of the head: what was not examined to the end is not green."""
    if diagnosis.primary is not None:
        return wording.tone(diagnosis)
    return "passed" if symbol == wording.PASSED else "info"


def _card(finding: Finding) -> dict[str, Any]:
    """Return one finding as the templates show it."""
    severity = finding.severity.value
    return {
        "code": plain(finding.code, 40),
        "name": plain(finding.name, 80),
        "severity": severity,
        "symbol": wording.SYMBOLS[severity],
        "confidence": finding.confidence.value,
        "how_sure": wording.CONFIDENCE[finding.confidence],
        "message": plain(finding.message),
        "place": _place(finding),
        "excerpts": excerpts((finding.where, *finding.related[:4])),
        "evidence": {plain(k, 80): v for k, v in finding.evidence.items()},
        "cause": finding.cause,
        "remedy": finding.remedy,
        "refuted_by": finding.refuted_by,
        "followers": [],
        "hedge": "",
    }


def _group(root: Finding, after: Iterable[Finding]) -> dict[str, Any]:
    """Return another finding, with what follows from it."""
    folded = [_card(finding) for finding in after]
    return _card(root) | {"followers": folded, "hedge": wording.hedge(root)}


def _place(finding: Finding) -> str:
    """Return where it is, with a short path."""
    where = finding.where
    parts = []
    if where.file is not None:
        parts.append(short_path(where.file) + (f":{where.line}" if where.line else ""))
    if where.layer is not None:
        parts.append(f"layer {plain(f'{where.model}.' if where.model else '', 80)}{where.layer}")
    if where.step is not None:
        parts.append(f"from step {where.step:,}")
    return plain(" · ".join(parts), 300)


def _tables(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """Return the numbers of each layer: outputs first, then by depth."""
    measurements = diagnosis.measurements
    if not isinstance(measurements, Measurements):
        return []
    states = sorted(measurements.layers, key=lambda s: (s.role != "output", s.model, s.depth))
    return [_table(state) for state in states]


def _table(state: LayerState) -> dict[str, Any]:
    """Return one layer's head and readings."""
    size = f"{state.count:,} rows × {state.width:,} {plain(state.dtype, 40)}"
    rows = readings(state)
    return {
        "layer": layer_name(state),
        "role": plain(state.role, 40),
        "size": size,
        "rows": rows,
        "has_first": any(row.first for row in rows),
        "first_step": state.first_step if state.first_step is not None else 0,
    }


def _words(text: str) -> Markup:
    """Escape a sentence and set its `backticked` words as code."""
    return Markup("").join(_marked(spans(plain(text))))


def _marked(parts: Iterable[tuple[bool, str]]) -> Iterable[Markup]:
    for code, part in parts:
        yield Markup("<code>{}</code>").format(part) if code else escape(part)


def _prose(text: str) -> Markup:
    """Escape a rule's text and set its paragraphs, lists and code."""
    found: list[Markup] = []
    open_list = False
    for block in blocks(plain(text)):
        if (block.kind == "item") != open_list:
            open_list = not open_list
            found.append(Markup("<ul>" if open_list else "</ul>"))
        if block.kind == "code":
            found.append(Markup("<pre>{}</pre>").format(block.text))
        else:
            tag = Markup("<li>{}</li>" if block.kind == "item" else "<p>{}</p>")
            found.append(tag.format(_words(block.text)))
    if open_list:
        found.append(Markup("</ul>"))
    return Markup("\n").join(found)
