"""The accuracy benchmark reads what a program is expected to show, and counts what is said."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import accuracy, examining
from benchmarks.collection import PROGRAMS, Program, collect, read
from benchmarks.examining import Outcome, Said, examine, examine_apart
from benchmarks.scoring import Innocents, Score, judge

SICK = Program(
    Path("sick/loops/pair.py"),
    "sick/loops",
    "A pair.",
    expected=("CD103", "CD106"),
    first=3,
    faults=frozenset({7}),
    meets=frozenset({9}),
)
WITHOUT_A_FILE = ("sick/runtimes/notebook_cells",)
INNOCENT = Program(Path("innocent/views/pair.py"), "innocent/views", "A pair.")


def written(folder: Path, header: str, *lines: str) -> Path:
    path = folder / "sick" / "loops" / "program.py"
    path.parent.mkdir(parents=True)
    path.write_text("\n".join(['"""A program.', "", header, '"""', *lines, ""]), encoding="utf-8")
    return path


def said(
    code: str, *, step: int = 3, line: int | None = 7, related: tuple[int, ...] = (9,)
) -> Said:
    return Said(code, "error", step, line, related)


def test_several_marks_may_stand_on_one_line(tmp_path: Path) -> None:
    lines = ("x = 1  # fault # meets", "y = 2  # shows, meets", "z = 3  # faulty")
    program = read(written(tmp_path, "expect: CD101", *lines), tmp_path)
    marked = [sorted(lines) for lines in (program.faults, program.shows, program.meets)]
    assert marked == [[5], [6], [5, 6]]


def test_where_a_setting_first_shows_is_a_right_line() -> None:
    program = replace(SICK, shows=frozenset({8}))
    judgement = judge(outcome(said("CD103", line=8), program=program))[0]
    assert judgement.right_line
    assert not judgement.names_fault


def test_the_fault_is_named_by_any_line_that_leads_there() -> None:
    findings = [said("CD103", line=8, related=(9, 7)), said("CD103"), said("CD103", line=8)]
    judged = [judge(outcome(one))[0] for one in findings]
    assert [each.names_fault for each in judged] == [True, True, False]
    assert [each.right_line for each in judged] == [False, True, False]
    nowhere = replace(SICK, faults=frozenset(), shows=frozenset({8}))
    assert judge(outcome(said("CD103", line=8), program=nowhere))[0].names_fault is None


def test_a_collapse_has_no_line_and_is_judged_by_one_that_it_names() -> None:
    program = replace(SICK, expected=("CD301",))
    judged = [
        judge(outcome(*findings, program=program))[0].right_line
        for findings in ([said("CD301", line=None)], [], [said("CD301")], [said("CD301", line=8)])
    ]
    assert judged == [None, None, True, False]
    assert judge(outcome(said("CD103", line=None)))[0].right_line is False


def outcome(*findings: Said, program: Program = SICK, **of_run: object) -> Outcome:
    primary = findings[0].code if findings else None
    return Outcome(program, 0, findings, primary, **of_run)  # type: ignore[arg-type]


def test_the_header_says_what_must_be_found_and_from_which_step(tmp_path: Path) -> None:
    path = written(tmp_path, "expect: CD103, CD106\nfirst: 20", "x = 1  # fault")
    program = read(path, tmp_path)
    assert (program.name, program.title) == ("sick/loops/program", "A program.")
    assert (program.expected, program.cause, program.first) == (("CD103", "CD106"), "CD103", 20)


@pytest.mark.parametrize(
    ("header", "expected", "first"),
    [
        ("expect: healthy", (), 0),
        ("expect: CD301\nfirst: gradual", ("CD301",), None),
        ("expect: CD101\nThe first batch: it is compared with itself.", ("CD101",), 0),
    ],
)
def test_a_fault_may_have_no_first_step_and_a_program_no_fault(
    tmp_path: Path, header: str, expected: tuple[str, ...], first: int | None
) -> None:
    program = read(written(tmp_path, header), tmp_path)
    assert (program.expected, program.first) == (expected, first)


@pytest.mark.parametrize(
    ("header", "complaint"),
    [
        ("It has no expectation.", "expected codes or 'healthy'"),
        ("expect: CD1", "expected codes or 'healthy'"),
        ("expect: CD101\nfrist: 3", "expected 'expect' or 'first'"),
        ("expect: healthy", "no marks in a healthy program"),
    ],
)
def test_a_header_that_is_not_understood_is_refused(
    tmp_path: Path, header: str, complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        read(written(tmp_path, header, "x = 1  # fault"), tmp_path)


def test_a_mark_stands_for_its_whole_statement(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "expect: CD101",
        "a = 1  # fault",  # line 5
        "loss = max(",
        "    a,",
        "    a,",
        ")  # meets",
        "if a:  # fault, meets",
        "    a = 2  # nobody's fault",
        "text = '# fault'",
    )
    program = read(path, tmp_path)
    assert program.faults == {5, 10}
    assert program.meets == {6, 7, 8, 9, 10}


def test_a_finding_is_right_by_code_time_rank_and_line() -> None:
    cause, follower = judge(outcome(said("CD103"), said("CD106")))
    assert (cause.detected, cause.in_time, cause.first) == (True, True, True)
    assert (cause.right_line, cause.names_meeting, cause.lag) == (True, True, 0)
    assert (follower.code, follower.detected, follower.first) == ("CD106", True, None)


def test_a_finding_late_on_another_line_and_behind_another_is_detected_only() -> None:
    late = said("CD103", step=5, line=9, related=())
    cause, follower = judge(outcome(said("CD104"), late))
    assert cause.detected
    assert (cause.in_time, cause.first, cause.right_line, cause.lag) == (False, False, False, 2)
    assert cause.names_meeting  # where the operands met is what it gives as the line
    assert not follower.detected


def test_of_two_findings_with_one_code_the_first_counts() -> None:
    cause, _ = judge(outcome(said("CD103", line=1, related=()), said("CD103")))
    assert (cause.right_line, cause.names_meeting) == (False, False)


def test_a_finding_of_info_detects_nothing_and_hides_no_other() -> None:
    info = Said("CD103", "info", 3, 7, (9,))
    assert not judge(outcome(info))[0].detected
    assert judge(outcome(info, said("CD103", line=1)))[0].right_line is False


def test_silence_and_failure_miss_everything() -> None:
    judged = [judge(outcome())[0], judge(outcome(failure="still running after 120 s"))[0]]
    score = Score(judged)
    for what in (
        *("detected", "in_time", "first"),
        *("right_line", "names_fault", "names_meeting"),
    ):
        assert score.share(what) == (0, 2)
    assert (score.programs, score.failed, score.lags) == (1, 1, [])


def test_what_cannot_be_judged_is_counted_neither_way() -> None:
    gradual = Program(Path("c.py"), "sick/collapse", "", expected=("CD301",), first=None)
    score = Score(judge(outcome(said("CD301"), program=gradual)))
    assert score.share("detected") == score.share("first") == (1, 1)
    assert score.share("in_time") == score.share("right_line") == (0, 0)
    assert score.share("names_meeting") == (0, 0)


def test_an_innocent_is_accused_by_what_is_above_info() -> None:
    info = Said("CD601", "info", 0, None, ())
    warning = Said("CD306", "warning", 0, None, ())
    runs = Innocents(
        [
            outcome(info, program=INNOCENT),
            outcome(info, warning, warning, program=INNOCENT),
            outcome(program=INNOCENT, failure="the process ended with exit code 1"),
        ]
    )
    assert (runs.programs, runs.failed, len(runs.accused)) == (1, 1, 1)
    assert runs.alarms == {"CD306": 1}


def run(monkeypatch: pytest.MonkeyPatch, *options: str, **of_run: object) -> tuple[int, list[str]]:
    """Run the command on two made-up outcomes; return its exit code and what it prints."""
    accusing = () if "failure" in of_run else (said("CD105"),)
    outcomes = [outcome(said("CD103")), outcome(*accusing, program=INNOCENT, **of_run)]
    monkeypatch.setattr(accuracy, "collect", lambda _root, _pattern: [SICK, INNOCENT])
    monkeypatch.setattr(accuracy, "examine_all", lambda *_arguments: iter(outcomes))
    result = CliRunner().invoke(accuracy.main, ["--markdown", *options], catch_exceptions=False)
    return result.exit_code, result.stdout.splitlines()


def row(lines: list[str], name: str) -> list[str]:
    cells = ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines if "|" in line)
    return next(found[1:] for found in cells if found[0] == name)


def test_the_tables_count_by_code_and_by_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = run(monkeypatch)
    assert code == 0
    assert row(lines, "CD103") == ["1", *["1/1"] * 6, "0", "0"]
    assert row(lines, "CD106") == ["1", "0/1", *["0/0"] * 5, "", "0"]
    assert row(lines, "sick/loops")[:2] == ["1", "1/2"]
    assert row(lines, "innocent/views") == ["1", "1", "1", "0", "CD105 ×1"]
    assert "- sick/loops/pair (seed 0): expected CD106, got CD103 at step 3" in lines
    assert "- innocent/views/pair (seed 0): expected silence, got CD105 at step 3" in lines


def test_a_failed_run_ends_the_program_with_one(monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = run(monkeypatch, failure="it broke")
    assert code == 1
    assert "- innocent/views/pair (seed 0): expected silence, failed: it broke" in lines


def test_a_doctor_that_broke_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    _, lines = run(monkeypatch, cautions=("Inspector: switched itself off",))
    assert "- innocent/views/pair (seed 0): Inspector: switched itself off" in lines


def test_a_rule_that_fails_is_a_caution(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        "expect: CD101",
        "from collapse_doctor.findings import Diagnosis, Skipped, Subject",
        "broken = Skipped('CD101', 'same-tensor', 'the rule failed: KeyError')",
        "unseen = Skipped('CD102', 'shared-storage', 'nothing was seen')",
        "diagnosis = Diagnosis(Subject('recording', 'made up'), skipped=(broken, unseen))",
    )
    found = examine(read(path, tmp_path), 0)
    assert found.cautions == ("CD101: the rule failed: KeyError",)
    assert dict(found.skipped)["CD102"] == "nothing was seen"


def test_held_out_programs_have_tables_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    _, lines = run(monkeypatch, "--held-out", "sick/*")
    headings = [line for line in lines if line.endswith(":")]
    assert headings == [
        "Programs without fault:",
        "Programs with a fault held out, by what should be found:",
        "Programs with a fault held out, by how they are written:",
    ]


def test_the_outcomes_are_written_as_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run(monkeypatch, "--json", str(tmp_path / "outcomes.json"))
    first, second = json.loads((tmp_path / "outcomes.json").read_text())
    assert first["program"]["expected"] == ["CD103", "CD106"]
    assert second["findings"][0]["code"] == "CD105"


@pytest.fixture
def unprepared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let fresh processes import what they need: here that is quicker than everything at once."""
    monkeypatch.setattr(examining, "PRELOADED", [])


@pytest.mark.usefixtures("unprepared")
def test_the_end_of_its_process_is_a_failure_of_the_program(tmp_path: Path) -> None:
    path = written(tmp_path, "expect: CD101", "import os", "os._exit(3)")
    assert examine_apart(read(path, tmp_path), 0).failure == "the process ended with exit code 3"


@pytest.mark.usefixtures("unprepared")
def test_a_program_that_does_not_end_is_ended(tmp_path: Path) -> None:
    path = written(tmp_path, "expect: CD101", "while True:", "    pass")
    assert examine_apart(read(path, tmp_path), 0, 0.1).failure == "still running after 0.1 s"


@pytest.mark.parametrize(
    ("line", "failure"),
    [
        ("raise ValueError('no data')", "ValueError: no data"),
        ("raise SystemExit(2)", "SystemExit: 2"),
        ("diagnoses = []", "KeyError: 'diagnosis'"),
    ],
)
def test_an_error_of_a_program_is_its_failure(tmp_path: Path, line: str, failure: str) -> None:
    path = written(tmp_path, "expect: CD101", line)
    assert examine(read(path, tmp_path), 0).failure == failure


def test_the_collection_is_large_and_marked() -> None:
    programs = collect()
    sick = [program for program in programs if program.expected]
    assert len(sick) >= 90
    assert len(programs) - len(sick) >= 100
    for program in programs:
        healthy = ("innocent/", "cured/", "cases/")  # a case may expect what is no alarm
        expected = ("sick/", "cases/") if program.expected else healthy
        assert program.name.startswith(expected), program.name
        if program.cause is not None and program.cause.startswith("CD1"):
            named = program.faults | program.shows
            assert named or program.name in WITHOUT_A_FILE, program.name
            assert program.first is not None, program.name


def test_common_code_is_no_program() -> None:
    assert (PROGRAMS / "common.py").is_file()
    assert all(program.path.name != "common.py" for program in collect())


@pytest.mark.parametrize(
    "name",
    ["sick/loops/dot_data", "sick/memories/numpy_list", "sick/classes/siamese_forward"],
)
def test_a_program_with_a_fault_shows_it(name: str) -> None:
    (program,) = collect(pattern=name)
    judged = judge(examine(program, 0))
    assert [(j.detected, j.in_time, j.names_meeting) for j in judged] == [(True, True, True)]


@pytest.mark.parametrize("name", ["innocent/labels/strings", "innocent/pairs/expanded_pairs"])
def test_a_program_without_fault_is_not_accused(name: str) -> None:
    (program,) = collect(pattern=name)
    found = examine(program, 0)
    assert found.failure == ""
    assert Innocents([found]).accused == []
