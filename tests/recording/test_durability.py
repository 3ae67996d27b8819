"""What the writer promises of order, of what is forced to the disk, and of what is left out."""

import contextlib
import os
import shutil
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from collapse_doctor.atomic import write_whole
from collapse_doctor.recording import files as files_module
from collapse_doctor.recording import writer as writer_module
from collapse_doctor.recording.folder import write_all
from collapse_doctor.recording.format import decode
from collapse_doctor.recording.observations import Loss, Notice, Tick, Use
from collapse_doctor.recording.reader import read
from collapse_doctor.recording.writer import RecordingWriter


def steps_of(recording):
    return [loss.step for loss in recording.losses]


def test_a_deleted_folder_is_noticed_although_its_open_file_takes_every_line(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    writer.append(Loss(0, 1.0))
    assert writer.flush()
    shutil.rmtree(tmp_path / "run")
    writer.append(Loss(1, 1.0))
    writer.close()
    (notice,) = writer.recording.notices
    assert "stopped: No such file or directory" in notice.text
    assert len(writer.recording.losses) == 2


def test_what_a_slow_disk_did_not_take_is_counted_here_and_there(make, tmp_path, slow_disk):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    with slow_disk(writer):
        for step in range(1, 30):
            writer.append(Loss(step, 1.0))
            writer.append_snapshot(make.snapshot(step), make.rows(step))
        writer.append(Use("", "encoder", "regressed"))
        writer.append(Tick(30, 30, "optimizer", ended=True))
    writer.close()
    assert len(writer.recording.losses) == 30
    assert len(writer.recording.snapshots) == 29
    recording = read(tmp_path / "run")
    assert recording.notices == writer.recording.notices
    assert recording.notices == [
        Notice(
            "recording",
            f"{30 - len(recording.losses)} lines and {29 - len(recording.snapshots)} snapshots "
            f"were left out of {tmp_path / 'run'}, which took them slower than they came; they "
            "are in memory only",
        )
    ]
    assert len(recording.losses) + len(recording.snapshots) == 14  # 7/8 of the room
    assert steps_of(recording) == list(range(len(recording.losses)))  # the oldest stay
    assert recording.uses == writer.recording.uses  # what a diagnosis hangs on is never left out
    assert recording.tick == writer.recording.tick


@pytest.fixture
def slow_disk(monkeypatch):
    """Hold the writing thread up at its first line, with room for sixteen observations."""
    monkeypatch.setattr(writer_module, "QUEUE_ITEMS", 16)
    entered, gate = threading.Event(), threading.Event()
    original = write_all

    def wait(file, content):
        entered.set()
        assert gate.wait(30)
        original(file, content)

    monkeypatch.setattr(files_module, "write_all", wait)

    @contextlib.contextmanager
    def held(writer):
        writer.append(Loss(0, 1.0))
        assert entered.wait(30)
        yield
        gate.set()
        assert writer.flush(30)

    return held


def test_rows_may_change_as_soon_as_they_were_taken(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    rows = make.rows()
    writer.append_snapshot(make.snapshot(), rows)
    rows[:] = 0
    writer.close()
    np.testing.assert_array_equal(read(tmp_path / "run").snapshots[0][1], make.rows())


@pytest.fixture
def forced(monkeypatch):
    """Names of what was forced to the disk, in order."""
    names = []
    original = os.fsync

    def observed(handle):
        names.append(Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        original(handle)

    monkeypatch.setattr(os, "fsync", observed)
    return names


@pytest.mark.skipif(sys.platform != "linux", reason="reads the names of open files")
def test_nothing_is_forced_to_the_disk_for_each_step(make, tmp_path, forced):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    forced.clear()
    for step in range(20):
        writer.append(make.measure(step))
        writer.append_snapshot(make.snapshot(step), make.rows(step))
        writer.append(make.comparison(step, kinds=()))
    assert writer.flush()
    assert forced == []
    writer.append(make.comparison(20))  # the first sight of a relation
    assert writer.flush()
    shards = {f"r0-{number:06d}.safetensors" for number in range(20)}
    assert set(forced[:20]) == shards
    assert forced[20:] == ["shards", "events.r0.jsonl"]
    forced.clear()
    writer.append(make.comparison(21))
    assert writer.flush()
    assert forced == []
    writer._files._forced_at -= files_module.SYNC_SECONDS
    writer.append(Loss(21, 1.0))
    assert writer.flush()
    assert forced == ["events.r0.jsonl"]
    writer.append_snapshot(make.snapshot(22), make.rows())
    writer.close()
    assert forced[1:] == ["r0-000020.safetensors", "shards", "events.r0.jsonl"]


def test_a_shard_lies_whole_under_its_name_before_its_line_is_written(make, tmp_path, monkeypatch):
    events, before = tmp_path / "run" / "events.r0.jsonl", []
    original = write_whole

    def observed(target, content, **options):
        before.append([type(decode(line)).__name__ for line in events.read_bytes().splitlines()])
        original(target, content, **options)

    monkeypatch.setattr(files_module, "write_whole", observed)
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    for step in range(2):
        writer.append(Loss(step, 1.0))
        writer.append_snapshot(make.snapshot(step), make.rows(step))
    writer.close()
    earlier = ["Loss", "Snapshot", "Loss"]
    assert before == [[], ["Loss"], earlier]  # of the manifest and both shards
    lines = events.read_bytes().splitlines()
    assert [type(decode(line)).__name__ for line in lines] == [*earlier, "Snapshot"]
