"""The command line with its stages replaced by doubles, and as a real process at the end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from collapse_doctor.cli import main, program
from collapse_doctor.errors import InputError, UsageError
from collapse_doctor.findings import Confidence, Diagnosis, Finding, Severity, Subject

PAGE = "<!doctype html>the page"


def diagnosis(title: str, *severities: Severity) -> Diagnosis:
    findings = tuple(
        Finding(f"CD{i}01", "name", severity, Confidence.HIGH, "message")
        for i, severity in enumerate(severities, 1)
    )
    return Diagnosis(Subject("embeddings", title), findings)


PATIENTS = {
    "healthy.pt": diagnosis("healthy.pt"),
    "informed.pt": diagnosis("informed.pt", Severity.INFO),
    "suspect.pt": diagnosis("suspect.pt", Severity.WARNING, Severity.INFO),
    "sick.pt": diagnosis("sick.pt", Severity.ERROR, Severity.WARNING),
}


@dataclass
class Stages:
    """What the doubles were asked for, and what they shall do."""

    asked: list[dict[str, object]] = field(default_factory=list)
    failure: Exception | None = None

    def analyze(self, path: str, **options: object) -> Diagnosis:
        asked = ("labels", "key", "device", "select", "ignore")
        self.asked.append({name: options[name] for name in asked})
        if path == "unknown-rule.pt":
            raise UsageError("a rule", "CD999", remedy="see collapse-doctor rules")
        if path not in PATIENTS:
            raise InputError("a file", "nothing", where=path, remedy="check the path")
        return PATIENTS[path]

    def to_json(self, patient: Diagnosis) -> str:
        if self.failure is not None:
            raise self.failure
        return json.dumps({"title": patient.subject.title}) + "\n"


@dataclass(frozen=True)
class Case:
    name: str
    title: str
    family: str = "aliasing"

    def run(self, *, cured: bool) -> Diagnosis:
        return PATIENTS["healthy.pt" if cured else "sick.pt"]


CASES = (
    Case("aliased-loop", "compares a tensor with itself"),
    Case("other", "something " * 12, "systems"),
)


def find_case(name: str) -> Case:
    for case in CASES:
        if case.name == name:
            return case
    raise UsageError("a case", repr(name), remedy="see collapse-doctor demo")


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stages:
    """Replace what the commands import, and work in an empty folder."""
    stages = Stages()

    def double(name: str, **attributes: object) -> None:
        module = ModuleType(name)
        vars(module).update(attributes)
        monkeypatch.setitem(sys.modules, f"collapse_doctor.{name}", module)

    double("api", analyze=stages.analyze, analyze_share=stages.analyze)
    double("cases", CASES=CASES, find_case=find_case)
    double(
        "reports",
        RENDERERS={".html": lambda _: PAGE, ".json": stages.to_json},
        to_terminal=lambda patient, screen: screen.print(
            f"[red]{patient.subject.title}[/red]: {patient.verdict}"
        ),
    )
    monkeypatch.chdir(tmp_path)
    return stages


@pytest.mark.usefixtures("stages")
@pytest.mark.parametrize(
    ("fail_on", "codes"),
    [
        ("never", {"healthy.pt": 0, "informed.pt": 0, "suspect.pt": 0, "sick.pt": 0}),
        ("warning", {"healthy.pt": 0, "informed.pt": 0, "suspect.pt": 1, "sick.pt": 1}),
        ("error", {"healthy.pt": 0, "informed.pt": 0, "suspect.pt": 0, "sick.pt": 1}),
    ],
)
def test_fail_on_decides_the_code(fail_on: str, codes: dict[str, int]) -> None:
    got = {path: main(["analyze", path, "--fail-on", fail_on]) for path in codes}
    assert got == codes


@pytest.mark.usefixtures("stages")
def test_without_fail_on_a_finding_is_no_failure() -> None:
    assert main(["analyze", "sick.pt"]) == 0


@pytest.mark.usefixtures("stages")
def test_the_worst_path_decides(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "healthy.pt", "sick.pt", "suspect.pt", "--fail-on", "error"]) == 1
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "healthy.pt",
        "sick.pt",
        "suspect.pt",
    ]


def test_options_reach_the_analysis(stages: Stages) -> None:
    options = ["--labels", "y", "--key", "z", "--select", "CD101,CD3", "--select", "CD401"]
    main(["analyze", "sick.pt", *options, "--ignore", ",", "--device", "cuda"])
    (asked,) = stages.asked
    assert asked.pop("device") == "cuda"
    assert asked == {"labels": "y", "key": "z", "select": ["CD101", "CD3", "CD401"], "ignore": []}


@pytest.mark.usefixtures("stages")
def test_an_unreadable_path_does_not_hide_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["analyze", "gone.pt", "sick.pt", "--json", "out.json", "--fail-on", "error"])
    out, err = capsys.readouterr()
    assert code == 2  # not 1: the question "is any of them sick" has no full answer
    assert "sick.pt" in out
    assert "gone.pt: expected a file, got nothing. Check the path." in err
    assert not Path("out.json").exists()


@pytest.mark.usefixtures("stages")
def test_a_wrong_rule_ends_at_the_first_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "unknown-rule.pt", "unknown-rule.pt"]) == 2
    assert capsys.readouterr().err.count("expected a rule, got CD999") == 1


@pytest.mark.usefixtures("stages")
def test_results_and_messages_have_their_own_streams(capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "sick.pt", "--html", "report.html"])
    out, err = capsys.readouterr()
    assert out == "sick.pt: sick\n"
    assert err.splitlines() == ["Reading sick.pt", "Report: report.html (1 kB)"]
    assert Path("report.html").read_text() == PAGE


@pytest.mark.usefixtures("stages")
def test_quiet_leaves_only_results(capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "sick.pt", "--html", "report.html", "-q"])
    assert capsys.readouterr() == ("sick.pt: sick\n", "")


@pytest.mark.usefixtures("stages")
def test_json_on_stdout_is_all_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["analyze", "sick.pt", "--json", "-", "--fail-on", "warning"]) == 1
    assert json.loads(capsys.readouterr().out) == {"title": "sick.pt"}


@pytest.mark.usefixtures("stages")
@pytest.mark.parametrize("command", [["analyze", "sick.pt"], ["demo", "other"]])
def test_a_page_on_stdout_is_all_there_is(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--html", "-"]) == 0
    assert capsys.readouterr().out == PAGE + "\n"


@pytest.mark.usefixtures("stages")
def test_a_hostile_name_does_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    main(["analyze", "two\nlines\x1b[31m.pt"])
    assert capsys.readouterr().err.splitlines()[0] == "Reading two lines?[31m.pt"


@pytest.mark.usefixtures("stages")
def test_several_paths_make_a_json_array() -> None:
    main(["analyze", "sick.pt", "healthy.pt", "--json", "all.json"])
    titles = [document["title"] for document in json.loads(Path("all.json").read_text())]
    assert titles == ["sick.pt", "healthy.pt"]


def test_a_report_that_fails_leaves_no_other_one_behind(
    stages: Stages, capsys: pytest.CaptureFixture[str]
) -> None:
    stages.failure = ValueError("NaN is not JSON")
    assert main(["analyze", "sick.pt", "--html", "a.html", "--json", "b.json"]) == 2
    assert list(Path().iterdir()) == []
    assert "NaN is not JSON" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["analyze"], "Missing argument 'PATH...'"),
        (["analyze", "a", "--htlm", "x"], "No such option"),
        (["analyze", "a", "b", "--html", "x.html"], "--html takes one PATH, got 2"),
        (["analyze", "a", "--html", "embeddings.pt"], "expected a name in .html or .htm"),
        (["analyze", "a", "--json", "labels.npy"], "expected a name in .json"),
        (["analyze", "a", "--html", "no/such/x.html"], "expected a folder that exists"),
        (["analyze", "a", "--html", "-", "--json", "-"], "one of --html and --json on stdout"),
        (["analyze", "a", "--select", ","], "expected codes or names of rules, got none"),
        (["analyze", "a", "--select", ""], "expected codes or names of rules, got none"),
        (["analyze", "a", "--fail-on", "info"], "'info' is not one of"),
        (["demo", "no-such-case"], "expected a case, got 'no-such-case'"),
        (["explain"], "expected a code or name such as CD101, or --all"),
        (["explain", "CD101", "--all"], "expected a code or name such as CD101, or --all"),
        (["no-such-command"], "No such command 'no-such-command'"),
    ],
)
def test_wrong_usage_is_one_line_and_two(
    stages: Stages, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert complaint in err
    assert stages.asked == []  # said before the work, not after it


@pytest.mark.usefixtures("stages")
def test_demo_runs_a_case_and_names_its_report(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "aliased-loop"]) == 0
    out, err = capsys.readouterr()
    assert out == "sick.pt: sick\n"
    assert "Report: collapse-doctor-aliased-loop.html" in err
    assert Path("collapse-doctor-aliased-loop.html").read_text() == PAGE


@pytest.mark.usefixtures("stages")
def test_demo_runs_the_case_and_writes_where_it_is_told() -> None:
    assert main(["demo", "other", "--html", "here.html"]) == 0
    assert [path.name for path in Path().iterdir()] == ["here.html"]


@pytest.mark.usefixtures("stages")
def test_demo_trains_with_the_cure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "other", "--cured"]) == 0
    assert capsys.readouterr().out == "healthy.pt: healthy\n"
    assert Path("collapse-doctor-other-cured.html").exists()


@pytest.mark.usefixtures("stages")
def test_demo_lists_its_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "aliasing: the two things that are compared are one thing",
        "  aliased-loop  compares a tensor with itself",
        "",
        "systems: whole systems, each with the sickness it is known for",
        "  other         " + " ".join(["something"] * 8),
        "                " + " ".join(["something"] * 4),
    ]


def test_explain_prints_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    from collapse_doctor.rules.catalogue import find

    assert main(["explain", "CD101"]) == 0
    page = capsys.readouterr().out
    assert page.startswith(find("CD101").page.strip())
    assert "What follows from it\n--------------------\n- CD201 no-gradient" in page
    assert "\n- CD109 overwritten-in-place: what was written over holds" in page
    assert max(map(len, page.splitlines())) <= 100
    assert main(["explain", "same-tensor"]) == 0
    assert capsys.readouterr().out == page


def test_explain_all_and_rules_leave_none_out(capsys: pytest.CaptureFixture[str]) -> None:
    from collapse_doctor.rules.catalogue import RULES

    main(["explain", "--all"])
    pages = capsys.readouterr().out
    main(["rules"])
    lines = capsys.readouterr().out.splitlines()
    assert all(rule.title in pages for rule in RULES)
    assert [line.split()[:3] for line in lines] == [
        [rule.code, rule.severity.value, rule.name] for rule in RULES
    ]


@pytest.mark.parametrize("command", ["analyze", "demo", "explain", "rules"])
def test_every_command_has_help_and_debug(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "--debug" in capsys.readouterr().out


def test_no_command_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in program.commands)


# From here on as a process of its own.


def run(
    *arguments: str,
    cwd: Path,
    stdout: int = subprocess.PIPE,
    stderr: int = subprocess.PIPE,
    **environment: str,
) -> subprocess.CompletedProcess[bytes]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [sys.executable, "-m", "collapse_doctor", *arguments],
        cwd=cwd,
        env=inherited | {"PYTHONPATH": str(Path(__file__).parent.parent)} | environment,
        stdout=stdout,
        stderr=stderr,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    rows = np.random.default_rng(0).standard_normal((2000, 32)).astype(np.float32)
    np.save(folder / "healthy.npy", rows)
    np.save(folder / "collapsed.npy", np.ones_like(rows) + 1e-4 * rows)
    return folder


def test_a_collapsed_file_fails_and_a_healthy_one_passes(files: Path) -> None:
    paths = ("healthy.npy", "collapsed.npy")
    done = run("analyze", *paths, "--json", "-", "--fail-on", "error", cwd=files)
    assert done.returncode == 1, done.stderr
    healthy, collapsed = json.loads(done.stdout)
    assert healthy["verdict"] == "healthy"
    assert collapsed["verdict"] == "sick"


def test_no_colour_in_a_pipe(files: Path) -> None:
    done = run("analyze", "collapsed.npy", cwd=files, PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr
    assert b"\x1b" not in done.stdout
    assert b"CD301" in done.stdout


def test_a_screen_of_another_encoding_and_no_width_gets_every_line(files: Path) -> None:
    command = ("analyze", "collapsed.npy", "-q")
    done = run(*command, cwd=files, PYTHONIOENCODING="cp1252", COLUMNS="0")
    lines = done.stdout.decode("cp1252").splitlines()
    assert lines[0].startswith("x Sick  collapsed.npy · rows 2,000")
    assert len(lines) > 15
    assert 60 < max(map(len, lines)) <= 80


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_and_never_a_finding(files: Path) -> None:
    sick = ("analyze", "collapsed.npy", "--fail-on", "error")
    with open("/dev/full", "wb") as full:
        silent = run(*sick, cwd=files, stderr=full.fileno())
        unprinted = run("analyze", "healthy.npy", "-q", cwd=files, stdout=full.fileno())
    assert silent.returncode == 1
    assert unprinted.returncode == 2
    assert unprinted.stderr.decode().splitlines() == [
        "collapse-doctor: output: expected access, got 'No space left on device'. "
        "Check the path, its permissions and the free space."
    ]


@pytest.mark.skipif(os.name == "nt", reason="pipes close with another error there")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0),
        (["rules"], 0),
        (["explain", "--all"], 0),
        (["analyze", "collapsed.npy", "--fail-on", "error", "-q"], 1),
    ],
)
def test_a_reader_that_leaves_does_not_change_the_code(
    files: Path, arguments: list[str], code: int
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = run(*arguments, cwd=files, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (code, b"")
