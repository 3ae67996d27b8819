"""The engine: what it runs, what it says of a rule that could not look, and its order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import pytest

from collapse_doctor import diagnosis as engine
from collapse_doctor.errors import UsageError
from collapse_doctor.findings import Evidence, Severity, Subject, Verdict, Where
from collapse_doctor.measurements import Measurements
from collapse_doctor.rules.catalogue import RULES
from collapse_doctor.rules.rule import HEADINGS, Match, NotExamined, Rule

EMPTY = Measurements(Subject("embeddings", "x.pt"), pd.DataFrame())

__doc__ += "\n\n" + "\n\n".join(f"{h}\n{'-' * len(h)}\nof {h}" for h in HEADINGS)


def match(
    step: int | None = None, line: int | None = None, model: str | None = None, **more: Any
) -> Match:
    file = None if line is None else "train.py"
    where = Where(model=model, step=step, file=file, line=line)
    return Match("it holds", where, {"n": Evidence(1)}, **more)


def rule(code: str, *found: Match | Exception, explains: tuple[str, ...] = ()) -> Rule:
    def check(_measurements: Measurements, _bounds: object) -> Iterator[Match]:
        for one in found:
            if isinstance(one, Exception):
                raise one
            yield one

    return Rule(code, code.lower(), Severity.ERROR, None, check, explains, module=__name__)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    def diagnose(*rules: Rule):
        monkeypatch.setattr(engine, "choose", lambda _select, _ignore: rules)
        return engine.diagnose(EMPTY)

    return diagnose


def codes(diagnosis) -> list[str]:
    return [finding.code for finding in diagnosis.findings]


def test_found_passed_and_skipped_are_kept_apart(run) -> None:
    result = run(rule("A", match()), rule("B"), rule("C", NotExamined("no labels")))
    assert codes(result) == ["A"]
    assert result.passed == ("B",)
    assert [(s.code, s.name, s.reason) for s in result.skipped] == [("C", "c", "no labels")]
    assert result.measurements is EMPTY
    assert result.subject is EMPTY.subject


def test_a_failing_rule_takes_nothing_with_it(run) -> None:
    result = run(rule("A", ZeroDivisionError("oh")), rule("B", match()))
    assert codes(result) == ["B"]
    assert result.skipped[0].reason == "the rule failed: ZeroDivisionError: oh"
    assert result.passed == ()


def test_what_a_rule_found_before_it_stopped_is_kept(run) -> None:
    result = run(rule("A", match(), NotExamined("head: width 2")))
    assert codes(result) == ["A"]
    assert [skipped.code for skipped in result.skipped] == ["A"]
    assert result.passed == ()


def test_a_finding_takes_its_words_from_the_page_unless_the_match_has_better(run) -> None:
    plain, own = match(), match(cause="this", remedy="that", severity=Severity.INFO)
    first, second = run(rule("A", plain), rule("B", own)).findings
    assert (first.cause, first.remedy) == ("of Likely causes", "of What to do")
    assert first.refuted_by == "of What would refute it"
    assert first.severity is Severity.ERROR
    assert (second.cause, second.remedy, second.severity) == ("this", "that", Severity.INFO)


def test_order_is_severity_then_cause_then_step_then_code(run) -> None:
    info = match(0, severity=Severity.INFO)
    result = run(
        rule("A", info),
        rule("B", match(7)),
        rule("C", match(7)),
        rule("D", match(3)),
        rule("E", match()),
        rule("F", match(9), explains=("D",)),
    )
    # F is late, but explains D; without it D would have come first.
    assert codes(result) == ["B", "C", "F", "D", "E", "A"]
    assert result.primary is result.findings[0]
    assert result.verdict is Verdict.SICK


def test_a_chain_of_causes_is_unrolled(run) -> None:
    chain = rule("A", match(0)), rule("B", match(1), explains=("A",))
    assert codes(run(*chain, rule("C", match(2), explains=("B",)))) == ["C", "B", "A"]


def test_explains_names_only_what_was_found_at_the_same_place(run) -> None:
    cause = rule("A", match(0, line=38), explains=("B", "C", "D"))
    here, elsewhere = rule("B", match(1, line=38)), rule("C", match(1, line=50))
    found = {f.code: f.explains for f in run(cause, here, elsewhere).findings}
    assert found == {"A": ("B",), "B": (), "C": ()}


def test_a_shared_related_line_ties_two_findings(run) -> None:
    site = Where(file="train.py", line=38)
    cause = rule("A", match(0, line=35, related=(site,)), explains=("B",))
    assert run(cause, rule("B", match(1, line=38))).findings[0].explains == ("B",)


def test_findings_of_two_models_do_not_explain_each_other(run) -> None:
    cause = rule("A", match(0, model="left"), explains=("B", "C"))
    found = run(cause, rule("B", match(1, model="right")), rule("C", match(1, model="left")))
    assert found.findings[0].explains == ("C",)


def test_an_empty_file_skips_everything_and_says_why() -> None:
    result = engine.diagnose(EMPTY)
    assert result.findings == ()
    assert result.passed == ()
    assert [skipped.code for skipped in result.skipped] == [rule.code for rule in RULES]
    assert not any("failed" in skipped.reason for skipped in result.skipped)


def test_select_and_ignore_reach_the_catalogue() -> None:
    result = engine.diagnose(EMPTY, select=["CD3"], ignore=["collinear"])
    codes = ["CD301", "CD303", "CD304", "CD306", "CD307", "CD308", "CD309", "CD310"]
    assert [s.code for s in result.skipped] == codes
    with pytest.raises(UsageError, match="CD301"):
        engine.diagnose(EMPTY, select=["CD3O1"])


def test_evidence_is_passed_on_untouched(run) -> None:
    evidence: Mapping[str, Evidence] = run(rule("A", match())).findings[0].evidence
    assert evidence == {"n": Evidence(1)}
