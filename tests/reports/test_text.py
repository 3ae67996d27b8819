from __future__ import annotations

import math

import pytest

from collapse_doctor.reports.prose import Block, blocks, spans
from collapse_doctor.reports.text import count, number, percent, plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.000031249, "3.12e-5"),
        (-2.5e-9, "-2.5e-9"),
        (12345, "12,345"),
        (1234.56, "1,235"),
        (2.5e7, "2.5e7"),
        (0.98349, "0.983"),
        (0.99996, "0.99996"),  # collapse hides in the last digits
        (-0.9999999, "-0.9999999"),
        (1.0, "1"),
        (0.0, "0"),
        (True, "yes"),
        (None, "–"),
        (math.nan, "undefined"),
        (-math.inf, "-infinite"),
        ("text", "text"),
    ],
)
def test_numbers_keep_the_digits_that_matter(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.4567, "45.7 %"), (1.0, "100 %"), (0.9999, "99.99 %"), (0.0, "0 %"), (1.2e-5, "0.0012 %")],
)
def test_shares_read_as_per_cent(share, text):
    assert percent(share) == text


def test_nothing_in_a_foreign_string_steers_the_screen():
    assert plain("a\x1b[31mb\x00\x07\x9bc\u202ed\ud800") == (
        "a\\x1b[31mb\\x00\\x07\\x9bc\\u202ed\\ud800"
    )
    assert plain("Größe\n\t日本 👩\u200d🔬") == "Größe\n\t日本 👩\u200d🔬"
    assert plain("x" * 50, 10) == "x" * 9 + "…"


def test_wrapped_text_becomes_paragraphs_items_and_code():
    text = (
        "Two causes,\nof many::\n\n- no\n  BatchNorm\n- lr 0\n\n    z = f(x)\n      y\n\n1. First"
    )
    assert blocks(text) == [
        Block("text", "Two causes, of many:"),
        Block("item", "no BatchNorm"),
        Block("item", "lr 0"),
        Block("code", "z = f(x)\n  y"),
        Block("item", "First"),
    ]


def test_backticks_mark_code():
    assert spans("use `a` or ``b`c`` not ` alone") == [
        (False, "use "),
        (True, "a"),
        (False, " or "),
        (True, "b`c"),
        (False, " not ` alone"),
    ]


def test_counts_agree_with_their_noun():
    assert count(1, "more reason") == "1 more reason"
    assert [count(n, "check") for n in (0, 2, 1200)] == ["0 checks", "2 checks", "1,200 checks"]
