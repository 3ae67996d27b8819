"""The README is true: its code runs, its commands exist, its tables are those of the program."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import click
import pytest

from collapse_doctor.cli import program
from collapse_doctor.console import PROGRAM
from collapse_doctor.findings import Diagnosis

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def between(marker: str) -> str:
    found = re.search(rf"<!-- {marker}:start -->\n(.*)<!-- {marker}:end -->", README, re.DOTALL)
    assert found is not None
    return found[1]


def commands() -> list[list[str]]:
    lines = "".join(blocks("console")).splitlines()
    assert all(line.startswith("$ ") for line in lines)
    return [shlex.split(line[2:], comments=True) for line in lines]


def test_the_python_runs_and_finds_the_slip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    script = tmp_path / "train.py"
    script.write_text("\n".join(blocks("python")))
    names: dict[str, object] = {"__name__": "__main__"}
    exec(compile(script.read_text(), str(script), "exec"), names)
    diagnosis = names["diagnosis"]
    assert isinstance(diagnosis, Diagnosis)
    assert diagnosis.primary is not None
    assert diagnosis.primary.code == "CD101"
    assert Path(diagnosis.primary.where.file or "").name == script.name
    places = [diagnosis.primary.where, *diagnosis.primary.related]
    assert any("F.cosine_similarity" in (place.source or "") for place in places)


@pytest.mark.parametrize("words", [w for w in commands() if w[0] == PROGRAM], ids=" ".join)
def test_commands_exist_as_written(words: list[str]) -> None:
    with program.make_context(PROGRAM, words[1:]) as parent:
        name, command, rest = program.resolve_command(parent, words[1:])
        assert command is not None
        command.make_context(name, rest, parent).close()  # raises for an option that is not there


@pytest.mark.parametrize("words", [w for w in commands() if w[0] == "make"], ids=" ".join)
def test_make_targets_exist(words: list[str]) -> None:
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_the_help_is_the_programs() -> None:
    command = program.commands["analyze"]
    with (
        program.make_context(PROGRAM, ["analyze"], terminal_width=100) as parent,
        click.Context(command, parent, info_name="analyze") as context,
    ):
        assert between("help") == f"```text\n{command.get_help(context)}\n```\n"


def test_the_table_of_findings_is_the_catalogue() -> None:
    from collapse_doctor.rules.catalogue import RULES

    rows = ["| code | name | severity | what is true when it fires |", "|---|---|---|---|"]
    rows += [
        f"| {rule.code} | {rule.name} | {rule.severity} | {rule.title.partition(': ')[2]} |"
        for rule in RULES
    ]
    assert between("rules") == "\n".join(rows) + "\n"


def test_the_layers_are_the_checked_ones() -> None:
    linter = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = [re.findall(r"\w+", layer) for layer in linter["contracts"][0]["layers"]]
    table = README.split("| from low to high |")[1].split("\n\n")[0]
    named = re.findall(r"`(\w+)`(?=[^|]*\|[^|]*\|$)", table, re.MULTILINE)
    height = {name: i for i, layer in enumerate(reversed(layers)) for name in layer}
    assert sorted(named) == sorted(height)
    assert [height[name] for name in named] == sorted(height.values())


def test_the_bounds_are_those_of_the_code() -> None:
    from collapse_doctor.inspector import layers
    from collapse_doctor.inspector.pacing import budget
    from collapse_doctor.inspector.processes import courier, ranks
    from collapse_doctor.recording import files, memory, retention, writer
    from collapse_doctor.recording.observations import Comparison, Labels, Loss

    def mib(size: int) -> str:
        return f"{size >> 20} MiB"

    queue = f"{mib(writer.QUEUE_BYTES)}, or {writer.QUEUE_ITEMS:,} lines and snapshots"
    folder = f"{mib(writer.DISK_BUDGET)} of rows and {mib(files.EVENTS_BUDGET)} of lines"
    assert retention.LIMITS[Loss] == retention.LIMITS[Labels]
    for row in (
        f"rows in the recording | {mib(memory.SNAPSHOT_BUDGET)}",
        f"measures, of all layers together | {memory.MEASURES:,}",
        f"comparisons, per call and kind of relation | {retention.LIMITS[Comparison]:,}",
        f"losses; labels | {retention.LIMITS[Loss]:,} each",
        f"with `out`: what waits for the disk | {queue}",
        f"with `out`: the folder | {folder}",
        f"several processes: own rows kept for the others | {mib(ranks.OUTGOING_BYTES)} in each",
        f"that rank 0 has not fetched | {mib(courier.UNREAD_BYTES)} of all ranks together",
    ):
        assert f"{row} |\n" in README
    for words in (
        f"a share of {100 * budget.SHARE:g} % of the training's",
        f"first {budget.ALLOWANCE:g} s",
        f"at most about {ranks.LEAVE_SECONDS:g} s, {ranks.HURRIED_SECONDS:g} s after an exception",
    ):
        assert words in README.replace("\n", " ")
    assert layers.MOST_BLOCKS == 12, "the README says that at most twelve main blocks are watched"
