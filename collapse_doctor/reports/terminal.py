"""The diagnosis on a terminal, as a linter shows it: the worst first, the rest in a line each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from collapse_doctor.findings import Diagnosis, Finding, Where
from collapse_doctor.reports import wording
from collapse_doctor.reports.excerpt import short_path
from collapse_doctor.reports.notices import cautions, notices
from collapse_doctor.reports.numbers_table import numbers_table
from collapse_doctor.reports.prose import blocks, spans
from collapse_doctor.reports.text import count, number, plain

__all__ = ["render"]

STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold blue", "passed": "green"}
MAX_OTHERS = 8
MAX_FOLLOWERS = 8
MAX_REASONS = 4
MAX_NOTICES = 6
NOTICE_LENGTH = 160
MEANING_LENGTH = 40  # a longer one stands in the page alone
MAX_BLOCKS = 3  # of a cause or a remedy; `explain` prints the page

# For consoles that cannot write the symbols (a pipe under the C locale, old Windows code pages).
_ASCII = str.maketrans({"✖": "x", "▲": "!", "●": "i", "✓": "+", "·": "-", "–": "-", "×": "x"})
_ASCII |= str.maketrans({"…": "...", "≤": "<=", "≥": ">=", "→": "->", "√": "sqrt", "±": "+-"})


@dataclass(frozen=True)
class Row:
    """One paragraph: its indentation, and how much further its second line begins."""

    text: Text = field(default_factory=Text)
    indent: int = 0
    hang: int = 0
    wrap: bool = True


def render(diagnosis: Diagnosis, console: Console) -> None:
    """Print the diagnosis.

    Parameters
    ----------
    diagnosis
        What to print. Its strings are printed as they are: neither markup nor escape sequences in
        them take effect.
    console
        Decides on width, colour (``NO_COLOR`` and pipes included) and encoding.
    """
    for row in _rows(diagnosis):
        for line in _lines(row, console):
            console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)


def _rows(diagnosis: Diagnosis) -> Iterator[Row]:
    """Yield the report from top to bottom."""
    yield Row(_head(diagnosis), hang=2)
    for caution in cautions(diagnosis):
        mark = Text().append(f"{wording.SYMBOLS['warning']} ", style=STYLES["warning"])
        yield Row(mark.append_text(_prose(caution)), 2, 2)
    yield Row()
    if diagnosis.primary is not None:
        yield from _primary(diagnosis.primary)
        yield from _followers(diagnosis.primary, wording.followers(diagnosis))
        yield from _rivals(diagnosis)
        yield Row()
    rest = wording.others(diagnosis)
    for finding, after in rest[:MAX_OTHERS]:
        yield from _other(finding)
        yield from _followers(finding, after)
    if len(rest) > MAX_OTHERS:
        more = sum(1 + len(after) for _, after in rest[MAX_OTHERS:])
        yield Row(Text(f"and {count(more, 'more finding')}", style="dim"), 2)
    if rest:
        yield Row()
    yield from _measures(diagnosis)
    yield from _notices(diagnosis)
    yield from _checks(diagnosis)
    yield Row(Text(wording.summary(diagnosis), style="bold"))


def _head(diagnosis: Diagnosis) -> Text:
    """Return what was looked at, and the verdict in a word."""
    symbol, word, sentence = wording.headline(diagnosis)
    tone = "passed" if symbol == wording.PASSED else "info"
    if diagnosis.primary is not None:
        tone = wording.tone(diagnosis)
    head = Text(f"{symbol} {word}", style=STYLES[tone])
    if diagnosis.primary is None:
        head.append(f"  {sentence}", style="not bold default")
    about = [plain(diagnosis.subject.title, 120)]
    about += [f"{plain(k, 40)} {plain(v, 80)}" for k, v in diagnosis.subject.details.items()]
    return head.append("  " + " · ".join(about), style="not bold default dim")


def _primary(finding: Finding) -> Iterator[Row]:
    """Show the root cause in full."""
    yield Row(_title(finding), hang=2)
    yield Row(_prose(finding.message), 2)
    places = dict.fromkeys((finding.where, *finding.related[:4]))
    for order, where in enumerate(places):
        yield from _source(where, finding.severity.value if order == 0 else "info")
    for name, value in _numbers(finding):
        yield Row(Text(f"{name}: ", style="dim").append(value), 2)
    yield from _section("why", finding.cause, finding.code)
    yield from _section("fix", finding.remedy, finding.code)
    sure = wording.CONFIDENCE[finding.confidence]
    refuted = " Refuted by:" if finding.refuted_by else ""
    yield Row(Text("sure ", style="bold").append_text(_prose(sure + refuted)), 2, 5)
    yield from _section("", finding.refuted_by, finding.code)


def _title(finding: Finding) -> Text:
    """``✖ CD101 same-tensor  error, certain``."""
    severity = finding.severity.value
    text = Text(f"{wording.SYMBOLS[severity]} {plain(finding.code, 40)}", style=STYLES[severity])
    text.append(f" {plain(finding.name, 80)}", style="not bold default")
    return text.append(f"  {severity}, {finding.confidence.value}", style="not bold default dim")


def _source(where: Where, severity: str) -> Iterator[Row]:
    """Place, line and a mark under it."""
    if where.file is None:
        if str(where) != "the whole input":
            yield Row(Text(f"--> {plain(where, 200)}", style="dim"), 2)
        return
    place = f"--> {short_path(where.file)}" + (f":{where.line}" if where.line else "")
    if where.step is not None:
        place += f", step {where.step:,}"
    yield Row(Text(place, style="dim").append_text(_prose(f"  {where.note}".rstrip())), 2, 4)
    if where.source and where.source.strip():
        line = " ".join(plain(where.source, 160).split())
        number_or_blank = where.line if where.line is not None else ""
        yield Row(Text().append(f"{number_or_blank:>5} | ", style="dim").append(line), wrap=False)
        mark = (
            Text()
            .append(f"{'':>5} | ", style="dim")
            .append("^" * len(line), style=STYLES[severity])
        )
        yield Row(mark, wrap=False)


def _numbers(finding: Finding) -> Iterator[tuple[str, str]]:
    """At most three measured numbers with their bounds."""
    bounded = [(name, e) for name, e in finding.evidence.items() if e.bound is not None]
    for name, evidence in bounded[:3]:
        notes = [f"holds if {wording.bound(evidence)}"]
        if evidence.interval is not None:
            notes.append(f"95 % {wording.interval(evidence)}")
        if evidence.null is not None:
            notes.append(f"healthy data {number(evidence.null)}")
        value, meaning = wording.measured(evidence), " ".join(plain(evidence.meaning).split())
        if meaning.startswith("of ") and len(meaning) <= MEANING_LENGTH:
            value = f"{value} {meaning}"
        elif meaning and len(meaning) <= MEANING_LENGTH:
            notes.insert(0, meaning)
        yield plain(name, 60).replace("_", " "), f"{value} ({'; '.join(notes)})"


def _section(name: str, text: str, code: str) -> Iterator[Row]:
    """Show the first blocks of a cause or a remedy under its name."""
    found = [block for block in blocks(text) if block.kind != "code"]
    for order, block in enumerate(found[:MAX_BLOCKS]):
        head = Text(f"{name}  " if name and order == 0 else "", style="bold")
        dash = "- " if block.kind == "item" else ""
        indent = 2 if name and order == 0 else 7
        yield Row(head.append_text(_prose(dash + block.text)), indent, 7 + len(dash) - indent)
    if len(found) > MAX_BLOCKS:
        yield Row(Text(f"more: collapse-doctor explain {plain(code, 40)}", style="dim"), 7)


def _followers(cause: Finding, after: Sequence[Finding]) -> Iterator[Row]:
    """Fold what follows from a finding into one line each, under it."""
    if not after:
        return
    yield Row(Text(f"what {wording.follows(cause)} {plain(cause.code, 40)}:", style="dim"), 2)
    for finding in after[:MAX_FOLLOWERS]:
        yield Row(_title(finding).append_text(_prose("  " + finding.message)), 4, wrap=False)
    if len(after) > MAX_FOLLOWERS:
        yield Row(Text(f"and {len(after) - MAX_FOLLOWERS:,} more", style="dim"), 4)


def _rivals(diagnosis: Diagnosis) -> Iterator[Row]:
    """Say what else may be the cause, and what would tell."""
    for order, (name, why, test) in enumerate(wording.rivals(diagnosis)):
        head = Text("or   " if order == 0 else "", style="bold").append(
            f"{name} ", style="not bold"
        )
        text = head.append_text(_prose(f"({why}). To tell: {test}."))
        yield Row(text, 2 if order == 0 else 7, 5 if order == 0 else 0)


def _other(finding: Finding) -> Iterator[Row]:
    """Two lines for every other root."""
    yield Row(_title(finding), hang=2)
    yield Row(_prose(finding.message), 2)


def _measures(diagnosis: Diagnosis) -> Iterator[Row]:
    """Show the numbers of a file, one in a line."""
    lines = list(numbers_table(diagnosis))
    for order, line in enumerate(lines):
        yield Row(Text(line, style="" if order else "dim"), 2, wrap=False)
    if lines:
        yield Row()


def _notices(diagnosis: Diagnosis) -> Iterator[Row]:
    """Say how it was looked at, as far as a reader must know to judge the rest."""
    told = notices(diagnosis)
    if not told:
        return
    yield Row(Text("How it was looked at:"))
    for about, text in told[:MAX_NOTICES]:
        name = Text().append(f"{about}  " if about else "", style="dim")
        yield Row(name.append_text(_prose(plain(text, NOTICE_LENGTH))), 2, 2)
    if len(told) > MAX_NOTICES:
        yield Row(Text(f"and {count(len(told) - MAX_NOTICES, 'more note')}", style="dim"), 2)
    yield Row()


def _checks(diagnosis: Diagnosis) -> Iterator[Row]:
    """Say what passed, and what was not examined and why."""
    if diagnosis.passed:
        passed = f"{wording.PASSED} {count(len(diagnosis.passed), 'check')} passed"
        yield Row(Text(passed, style=STYLES["passed"]))
    reasons = wording.unexamined(diagnosis)
    if reasons:
        yield Row(Text(f"- {len(diagnosis.skipped)} not examined:"))
    for reason, codes in reasons[:MAX_REASONS]:
        yield Row(Text(f"{codes}  ", style="dim").append_text(_prose(reason)), 2, 2)
    if len(reasons) > MAX_REASONS:
        yield Row(Text(f"and {count(len(reasons) - MAX_REASONS, 'more reason')}", style="dim"), 2)


def _prose(text: str) -> Text:
    """Return a sentence on one line, its `backticked` words in bold."""
    shown = Text("  " if text.startswith("  ") else "")
    for code, part in spans(" ".join(plain(text).split())):
        shown.append(f"`{part}`" if code else part, style="bold" if code else "")
    return shown


def _lines(row: Row, console: Console) -> Iterator[Text]:
    """Wrap by hand: a padded block would end every line in spaces, which pipes then carry."""
    width = max(20, console.width - row.indent - row.hang)
    text = _in_encoding(row.text, console)
    lines = text.wrap(console, width) if row.wrap else [_cut(text, width, console.encoding)]
    for order, line in enumerate(lines):
        line.rstrip()
        yield Text(" " * (row.indent + (row.hang if order else 0))).append_text(line)


def _cut(text: Text, width: int, encoding: str) -> Text:
    """Return a line of source that fits the screen."""
    if text.cell_len <= width:
        return text
    dots = _spelled("…", encoding)
    text.truncate(width - len(dots))
    return text.append(dots)


def _in_encoding(text: Text, console: Console) -> Text:
    """Return a text in letters that the console can write; before it is wrapped, as some grow."""
    if console.encoding.lower().startswith("utf"):
        return text
    parts = ((_spelled(part, console.encoding), style) for part, style, _ in text.render(console))
    return Text.assemble(*((part, style or "") for part, style in parts))


def _spelled(text: str, encoding: str) -> str:
    """Return ``text`` in what the encoding has."""
    try:
        return text.encode(encoding).decode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
