from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from collapse_doctor.findings import Confidence, Evidence, Link, Skipped
from collapse_doctor.reports import to_terminal, to_text

ALL = ["healthy", "collapsed", "broken", "hostile", "blind", "cut_short"]


def shown(diagnosis, **options) -> str:
    buffer = io.StringIO()
    to_terminal(diagnosis, Console(file=buffer, **options))
    return buffer.getvalue()


def test_the_aliased_training_reads_like_a_linters_report(make_aliased, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shown(make_aliased(str(tmp_path / "train.py")), width=100) == (
        """\
✖ Sick  train.py · steps 120 · layers 3 · loss 0.4 → 0.0034

✖ CD101 same-tensor  error, certain
  `vector1_tensor` and `vector2_tensor` are the same tensor object when `F.cosine_similarity`
  compares them, so every similarity is exactly 1.
  --> train.py:3, step 0  `vector2_tensor` becomes another name of `vector1_tensor` here
    3 | vector2_tensor = vector1_tensor
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  --> train.py:4, step 0  the two are compared here
    4 | similarity = F.cosine_similarity(vector1_tensor, vector2_tensor)
      | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  comparisons: 120 of a tensor with itself (holds if ≥ 1)
  why  An assignment copies the name, not the tensor. The loss is 0 at every step, its gradient
       is 0, and the weights never learn from it.
  fix  Compute the second operand from the second view: `vector2_tensor = model(x2)`.
  sure Certain: it follows from identity or arithmetic, without statistics. Refuted by:
       The two operands having different `id()` at the comparison.
  what follows from CD101:
    ✖ CD301 complete-collapse  error, high  Layer `head` gives every input nearly the same vector f…
  or   CD503 degenerate-labels (not examined, because no labels were handed over). To tell:
       hand the labels over: `inspector.step(labels=y)`.
       CD204 exploding-gradient (explains a part of it as well). To tell: take as many steps with a
       tenth of the learning rate.

How it was looked at:
  block1  Pooled over 49 positions: (64, 32, 7, 7) became (64, 32).
  labels  No labels were handed over; pass `labels=` to `inspector.step()`.

✓ 9 checks passed
- 1 not examined:
  CD503  no labels were handed over
2 errors · 9 checks passed · 1 not examined
"""
    )


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("name", ALL)
def test_no_line_is_wider_than_the_screen_or_ends_in_blanks(name, width, request):
    lines = shown(request.getfixturevalue(name), width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if line != line.rstrip()]


def test_consequences_are_folded_and_hedged_as_their_cause_is(collapsed):
    lines = shown(collapsed, width=80).splitlines()
    place = lines.index("  what follows from CD301:")
    assert lines[place + 1].startswith("    ▲ CD306 narrow-cone  warning, high  All cosines")
    assert "● CD601 too-few-samples  info, certain" in lines, "it has another cause"
    unsure = replace(collapsed.primary, confidence=Confidence.LOW)
    doubted = replace(collapsed, findings=(unsure, *collapsed.findings[1:]))
    assert "  what may follow from CD301:" in shown(doubted, width=80).splitlines()


def test_a_root_beside_the_primary_has_its_own_consequences(collapsed):
    one, cone, note = collapsed.findings
    loss = replace(note, code="CD208", name="no-negatives", severity=one.severity)
    beside = replace(collapsed, findings=(one, loss, cone, note), links=(Link(1, 2, "so"),))
    lines = shown(beside, width=80).splitlines()
    assert "  what follows from CD301:" not in lines
    assert lines.index("  what follows from CD208:") > lines.index(
        "✖ CD208 no-negatives  error, certain"
    )


def test_the_verdict_goes_by_the_worst_though_its_cause_is_milder(collapsed):
    cause = replace(collapsed.findings[1], explains=("CD301",))
    turned = replace(collapsed, findings=(cause, collapsed.findings[0]), links=(Link(0, 1, "so"),))
    head, _, root, *_ = shown(turned, width=80).splitlines()
    assert head.startswith("✖ Sick")
    assert root == "▲ CD306 narrow-cone  warning, high"


def test_many_consequences_are_counted(collapsed):
    one, cone, _ = collapsed.findings
    many = (one, *(replace(cone, message=f"{n}") for n in range(11)))
    links = tuple(Link(0, n) for n in range(1, 12))
    assert "    and 3 more" in shown(replace(collapsed, findings=many, links=links)).splitlines()


def test_what_was_not_examined_is_said_with_its_reason(healthy):
    text = shown(healthy, width=80)
    assert "3 not examined" in text
    assert "CD101, CD102  a file holds no comparisons" in text
    assert "could be made" in text


def test_nothing_examined_is_not_called_healthy(blind):
    assert "● Not examined" in shown(blind, width=80)
    assert "Healthy" not in shown(blind, width=80)


def test_an_inspector_that_switched_itself_off_gives_no_clean_bill_of_health(cut_short):
    first, second, third, *_ = shown(cut_short, width=200).splitlines()
    assert first.startswith("● Incomplete  Nothing wrong was found, but not everything was watched")
    assert second.startswith("  ▲ Inspector, step 3: switched itself off after a fault of its own")
    assert third == ""
    assert "Healthy" not in shown(cut_short, width=200)


def test_notes_come_before_the_checks_and_many_are_counted(healthy):
    text = shown(healthy, width=100)
    note = "  Key `embeddings` was taken: the only matrix of numbers in the file."
    assert text.index(note) < text.index("checks passed")
    subject = replace(healthy.subject, notes=tuple(f"note {i} {'x' * 300}" for i in range(7)))
    lines = shown(replace(healthy, subject=subject), width=200).splitlines()
    assert sum(line.startswith("  note") for line in lines) == 6
    assert max(map(len, lines)) < 170
    assert "  and 1 more note" in lines


def test_a_rest_of_one_is_singular(healthy):
    skipped = tuple(Skipped(f"CD{i}", "x", f"reason {i}") for i in range(5))
    assert "  and 1 more reason\n" in shown(replace(healthy, skipped=skipped), width=100)


def test_a_short_meaning_stands_beside_the_number_and_a_long_one_does_not(collapsed):
    assert "relative dispersion: 0.003 (spread / length; holds if < 0.02; healthy data" in (
        shown(collapsed, width=120)
    )
    long = {"n": Evidence(9, 1, ">=", meaning="of " + "x" * 60)}
    finding = replace(collapsed.primary, evidence=long)
    assert "n: 9 (holds if ≥ 1)" in shown(replace(collapsed, findings=(finding,)), width=120)


def test_foreign_strings_take_no_effect(hostile):
    text = shown(hostile, width=100, force_terminal=True, color_system="truecolor")
    assert "[bold]x[/]" in text  # markup stays what it was
    assert "\\x1b[31m" in text
    assert "\x1b[31m\\" not in text
    codes = set(re.findall(r"\x1b\[[\d;]*m", text))
    assert codes <= {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[39m", *bold_colours()}
    assert not [c for c in "\x00\u202e" if c in text]


def bold_colours() -> set[str]:
    return {f"\x1b[1;{n}m" for n in (31, 33, 34)} | {f"\x1b[2;{n}m" for n in (31, 33, 34, 39)}


def test_no_colour_where_none_is_wanted(collapsed, monkeypatch):
    assert "\x1b" not in shown(collapsed, width=80)
    monkeypatch.setenv("NO_COLOR", "1")
    coloured = shown(collapsed, width=80, force_terminal=True)
    assert not re.search(r"\x1b\[[\d;]*3\dm", coloured)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1", "gbk"])
@pytest.mark.parametrize("name", ALL)
def test_a_console_without_unicode_gets_the_same_lines_in_its_letters(name, encoding, request):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")
    diagnosis = request.getfixturevalue(name)
    to_terminal(diagnosis, Console(file=stream, width=80))
    stream.flush()
    lines = raw.getvalue().decode(encoding).split("\n")
    assert lines[0].split()[0] in ("x", "+", "i", "●")
    assert abs(len(lines) - len(shown(diagnosis, width=80).split("\n"))) <= 2
    assert max(map(len, lines)) <= 80


def test_a_cut_line_of_source_fits_a_console_without_dots(make_aliased):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii", newline="\n")
    to_terminal(make_aliased("train.py"), Console(file=stream, width=40))
    stream.flush()
    lines = stream.buffer.getvalue().decode().split("\n")
    cut = [line for line in lines if line.endswith("...") and "F.cosine" in line]
    assert [len(line) for line in cut] == [40]


def test_text_files_hold_what_the_terminal_shows(collapsed):
    text = to_text(collapsed)
    assert "CD301 complete-collapse" in text
    assert "\x1b" not in text
    assert "- a learning rate so high that one step destroyed the encoder" in text
    assert text.endswith("not examined\n")
