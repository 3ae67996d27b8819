from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from collapse_doctor.findings import Confidence, Finding, Link
from collapse_doctor.reports import html as module
from collapse_doctor.reports import to_html, to_notebook

VOID = {"meta", "br", "img", "hr", "link", "input"}
ALL = ["healthy", "collapsed", "broken", "hostile", "blind", "cut_short"]


class Page(HTMLParser):
    """Tags, ids and text of a page; fails on tags that do not match."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())


@pytest.mark.parametrize("name", ALL)
def test_a_page_is_well_formed_self_contained_and_inert(name, page_of):
    text = page_of(name)
    page = Page(text)
    tags = Counter(tag for tag, _ in page.tags)
    assert not {"script", "link", "iframe", "object", "form", "img", "base"} & set(tags)
    ids = Counter(attrs["id"] for _, attrs in page.tags if "id" in attrs)
    assert not [name for name, times in ids.items() if times > 1]
    for _, attrs in page.tags:
        assert not [key for key in attrs if key.startswith("on")]
        for key in ("href", "xlink:href", "src"):
            assert re.match(r"#|data:image/png;base64,", attrs.get(key) or "#")
    assert not re.search(r"https?://(?!www\.w3\.org/(1999/xlink|2000/svg))", text)
    assert "@import" not in text
    assert len(text.encode()) < 300_000


@pytest.mark.parametrize("name", ALL)
def test_the_policy_and_the_charset_come_first(name, page_of):
    page = Page(page_of(name))
    metas = [attrs for tag, attrs in page.tags if tag == "meta"]
    assert metas[0] == {"charset": "utf-8"}
    assert metas[1]["http-equiv"] == "Content-Security-Policy"
    assert "default-src 'none'" in (metas[1]["content"] or "")
    assert "script-src" not in (metas[1]["content"] or "")


def test_the_root_cause_its_line_and_its_remedy_are_on_the_page(aliased):
    text = to_html(aliased)
    page = Page(text).text
    assert "✖ Sick vector1_tensor and vector2_tensor are the same tensor object" in page
    assert page.index("What to change") < page.index("Why it happens") < page.index("How sure")
    marked = re.findall(r'line marked".*?class="text">(.*?)</span>', text)
    assert marked == [
        "    vector2_tensor = vector1_tensor",
        "    similarity = F.cosine_similarity(vector1_tensor, vector2_tensor)",
    ]
    assert "def train_step(model, x):" in page
    assert "What follows from it" in page
    assert "holds if" in text
    assert "no labels were handed over" in page
    assert "Pooled over 49 positions" in page
    assert "No labels were handed over; pass labels= to" in page


def test_a_changed_file_is_not_passed_off_as_the_one_that_ran(aliased):
    file = aliased.primary.where.file
    with open(file, "w", encoding="utf-8") as out:
        out.write("\n" * 40)
    page = Page(to_html(replace(aliased, measurements=None))).text
    assert "def train_step" not in page
    assert "has changed since" in page


def test_equal_diagnoses_give_equal_bytes(make_aliased):
    one, two = make_aliased("a.py"), make_aliased("a.py")
    assert one is not two
    assert to_html(one) == to_html(two)


def test_a_date_is_printed_only_when_given(blind):
    assert "2031-05-04" in to_html(blind, created="2031-05-04 <b>")
    assert "<b>" not in to_html(blind, created="2031-05-04 <b>")


def test_nothing_examined_is_not_called_healthy(page_of):
    page = Page(page_of("blind")).text
    assert "Healthy" not in page
    assert "● Not examined" in page
    assert "no layer was measured" in page
    assert "Healthy Nothing wrong was found by the checks that could be made." in (
        Page(page_of("healthy")).text
    )


def test_an_inspector_that_switched_itself_off_gives_no_clean_bill_of_health(page_of, cut_short):
    for text in (page_of("cut_short"), to_notebook(cut_short)):
        page = Page(text).text
        assert "● Incomplete Nothing wrong was found, but not everything was watched." in page
        assert "Inspector, step 3: switched itself off after a fault of its own" in page
        assert "Healthy" not in page.replace("Healthy data", "")
    assert page_of("cut_short").count("switched itself off") == 1
    assert '<header class="verdict info">' in page_of("cut_short")


def test_the_notebook_fragment_holds_the_notes(aliased):
    page = Page(to_notebook(aliased)).text
    assert "block1 Pooled over 49 positions" in page
    assert "labels No labels were handed over; pass labels= to" in page


def test_undefined_numbers_are_called_so(page_of):
    page = Page(page_of("broken")).text
    assert "undefined rows" in page
    assert not re.search(r"\b(nan|inf)\b", page)


def test_rules_text_keeps_its_lists(page_of):
    assert "<li>a learning rate so high that one step destroyed the encoder</li>" in (
        page_of("collapsed")
    )


def test_a_page_too_large_to_mail_loses_its_charts_and_says_so(healthy, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 100_000)
    page = to_html(healthy)
    assert len(page) < 100_000
    assert "charts are left out" in page
    assert "<svg" not in page


def test_many_findings_are_cut_and_counted(healthy):
    many = tuple(
        replace(finding, message=f"number {i}") for i in range(60) for finding in [info_finding()]
    )
    page = to_html(replace(healthy, findings=many, measurements=None))
    assert "number 39" in page
    assert "number 40" not in page
    assert "20 more findings are left out" in page


def info_finding() -> Finding:
    from collapse_doctor.findings import Confidence, Severity

    return Finding("CD601", "too-few-samples", Severity.INFO, Confidence.LOW, "")


@pytest.mark.parametrize("name", ALL)
def test_the_notebook_fragment_is_small_and_inert(name, request):
    text = to_notebook(request.getfixturevalue(name))
    page = Page(text)
    assert {tag for tag, _ in page.tags} <= {
        *("div", "p", "strong", "code", "pre", "table", "tr", "td", "ul", "li")
    }
    assert len(text) < 10_000


def test_the_notebook_fragment_names_the_line(aliased):
    text = Page(to_notebook(aliased)).text
    assert "vector2_tensor = vector1_tensor" in text
    assert "CD301 complete-collapse" in text


def test_what_follows_is_folded_and_what_would_tell_is_open(page_of, aliased):
    text = to_html(aliased)
    (fold,) = re.findall(r'<details class="followers"( open)?>', text)
    assert not fold
    inside = text[text.index('class="followers"') :]
    assert "CD301" in inside[: inside.index("</details>")]
    assert "Probably no faults of their own" in inside
    page = Page(text).text
    assert page.index("What else it could be") < page.index("What follows from it")
    assert "To tell: hand the labels over: inspector.step(labels=y)." in page
    assert "CD503 degenerate-labels not examined, because no labels were handed over" in page


def test_consequences_of_a_cause_in_doubt_say_so(collapsed):
    unsure = replace(collapsed.primary, confidence=Confidence.MEDIUM)
    doubted = replace(collapsed, findings=(unsure, *collapsed.findings[1:]))
    page = Page(to_html(doubted)).text
    assert "Probably no faults" not in page
    assert "that CD301 is true is only fairly sure: see first what would refute it" in page


def test_another_root_holds_its_own_consequences(collapsed):
    one, cone, note = collapsed.findings
    beside = replace(collapsed, findings=(one, note, cone), links=(Link(1, 2, "so"),))
    text = to_html(beside)
    assert text.count('<details class="followers">') == 1
    assert text.index("CD601") < text.index('<details class="followers">') < text.index("CD306")
