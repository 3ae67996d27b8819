from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from collapse_doctor.reports import to_terminal, to_text

ALL = ["healthy", "collapsed", "broken", "hostile", "blind"]


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
  comparisons: 120 (holds if ≥ 1)
  why  An assignment copies the name, not the tensor. The loss is 0 at every step, its gradient
       is 0, and the weights never learn from it.
  fix  Compute the second operand from the second view: `vector2_tensor = model(x2)`.

✖ CD301 complete-collapse  error, high  follows from CD101
  Layer `head` gives every input nearly the same vector from step 60 on.

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


def test_what_was_not_examined_is_said_with_its_reason(healthy):
    text = shown(healthy, width=80)
    assert "3 not examined" in text
    assert "CD101, CD102  a file holds no comparisons" in text
    assert "could be made" in text


def test_nothing_examined_is_not_called_healthy(blind):
    assert "● Not examined" in shown(blind, width=80)
    assert "Healthy" not in shown(blind, width=80)


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


@pytest.mark.parametrize("name", ALL)
def test_a_console_without_unicode_gets_plain_letters(name, request):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    to_terminal(request.getfixturevalue(name), Console(file=stream, width=80))
    stream.flush()
    text = raw.getvalue().decode("ascii")
    assert text.splitlines()[0].split()[0] in ("x", "+", "i")


def test_text_files_hold_what_the_terminal_shows(collapsed):
    text = to_text(collapsed)
    assert "CD301 complete-collapse" in text
    assert "\x1b" not in text
    assert "- a learning rate so high that one step destroyed the encoder" in text
    assert text.endswith("not examined\n")
