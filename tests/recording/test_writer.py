"""The writer: what it leaves behind in good and bad circumstances."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from collapse_doctor.errors import RecordingError
from collapse_doctor.recording import files as files_module
from collapse_doctor.recording import retention
from collapse_doctor.recording.folder import write_all
from collapse_doctor.recording.observations import Loss, Notice, Tick, Use
from collapse_doctor.recording.reader import read
from collapse_doctor.recording.writer import RecordingWriter


def test_what_is_written_is_read_back(make, tmp_path):
    writer = RecordingWriter(tmp_path / "deep" / "run", make.manifest())
    for observation in make.one_of_each():
        writer.append(observation)
    writer.append_snapshot(make.snapshot(3), make.rows(3))
    writer.close()
    writer.close()
    recording = read(tmp_path / "deep" / "run")
    assert recording.manifest == make.manifest()
    for kind in (
        *("measures", "comparisons", "labels", "losses", "objectives", "notices", "uses"),
        *("shapes", "tick", "cost"),
    ):
        assert getattr(recording, kind) == getattr(writer.recording, kind)
    (written, rows), (held, _) = recording.snapshots[0], writer.recording.snapshots[0]
    assert written == held
    np.testing.assert_array_equal(rows, make.rows(3))


def test_a_recording_can_be_read_while_it_grows(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    for step in range(5):
        writer.append(make.measure(step))
        writer.append_snapshot(make.snapshot(step), make.rows(step))
        assert writer.flush()
        recording = read(tmp_path / "run")
        assert len(recording.measures) == len(recording.snapshots) == step + 1
        assert recording.notices == []
    writer.close()


def test_another_process_can_read_while_shards_come_and_go(make, tmp_path, in_process):
    code = """
        import sys
        from collapse_doctor.recording.reader import read
        seen = 0
        while True:
            recording = read(sys.argv[1])
            said = [notice.text for notice in recording.notices]
            assert all("no longer on disk" in text for text in said), said
            assert len(recording.measures) >= seen
            seen = len(recording.measures)
            if recording.tick is not None:
                break
        print(seen)
    """
    writer = RecordingWriter(tmp_path / "run", make.manifest(), disk_budget=2_000)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(in_process, code, tmp_path / "run", check=False)
        for step in range(150):
            writer.append(make.measure(step))
            writer.append_snapshot(make.snapshot(step), make.rows(step))
        writer.append(Tick(150, 150, "optimizer", ended=True))
        done = reading.result()
        assert done.stdout.strip() == "150", done.stderr
    writer.close()


def test_numbers_that_are_not_finite_are_written_as_null(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    writer.append(make.measure(norm_mean=float("nan")))
    writer.append(Loss(0, float("inf")))
    writer.flush()
    text = (tmp_path / "run" / "events.r0.jsonl").read_text()
    assert "NaN" not in text
    assert "Infinity" not in text
    recording = read(tmp_path / "run")
    assert recording.measures[0].values == {"norm_mean": None}
    assert recording.losses[0].value is None
    writer.close()


@pytest.mark.parametrize("name", ["../../../etc/passwd", "a/b\\c:d*?", "\n<script>", "x" * 5_000])
def test_names_of_layers_are_never_paths(make, tmp_path, name):
    writer = RecordingWriter(tmp_path / "run", make.manifest(name))
    writer.append_snapshot(make.snapshot(layer=name), make.rows())
    writer.append(make.measure(layer=name))
    writer.close()
    files = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file())
    assert files == ["run/events.r0.jsonl", "run/manifest.json", "run/shards/r0-000000.safetensors"]
    assert read(tmp_path / "run").snapshots[0][0].layer == name


def test_a_source_path_that_is_not_utf8_does_not_stop_the_recording(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    writer.append(Notice("file \udcff.py", "odd"))
    writer.close()
    assert read(tmp_path / "run").notices == [Notice("file ?.py", "odd")]


def occupied(tmp_path, what, make):
    folder = tmp_path / "run"
    if what == "a folder that already holds a recording":
        RecordingWriter(folder, make.manifest()).close()
    elif what == "a folder that holds other files (notes.txt)":
        folder.mkdir()
        (folder / "notes.txt").write_text("mine")
    else:
        folder.write_text("mine")
    return folder


@pytest.mark.parametrize(
    "what",
    [
        "a folder that already holds a recording",
        "a folder that holds other files (notes.txt)",
        "a file of that name",
    ],
)
def test_an_occupied_place_is_refused_and_left_as_it_is(make, tmp_path, what):
    folder = occupied(tmp_path, what, make)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(RecordingError) as caught:
        RecordingWriter(folder, make.manifest())
    assert caught.value.got == what
    assert str(folder) in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_place_below_a_file_is_refused(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordingError, match="cannot be written"):
        RecordingWriter(tmp_path / "file" / "run", make.manifest())


def test_several_processes_share_a_folder(make, tmp_path):
    late = RecordingWriter(tmp_path / "run", make.manifest(), rank=1)
    first = RecordingWriter(tmp_path / "run", make.manifest(), rank=0)
    first.append(make.measure(1))
    late.append(make.measure(2))
    assert first.flush()
    assert late.flush()
    with pytest.raises(RecordingError):
        RecordingWriter(tmp_path / "run", make.manifest(), rank=1)
    recording = read(tmp_path / "run")
    assert [measure.step for measure in recording.measures] == [1]
    assert "2 processes" in recording.notices[0].text
    first.close()
    late.close()


def test_old_shards_are_deleted_beyond_the_budget(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest(), disk_budget=2_000)
    for step in range(100):
        writer.append_snapshot(make.snapshot(step), make.rows(step))
    writer.close()
    shards = list((tmp_path / "run" / "shards").iterdir())
    assert 0 < sum(shard.stat().st_size for shard in shards) <= 2_000
    recording = read(tmp_path / "run")
    steps = [snapshot.step for snapshot, _ in recording.snapshots]
    assert len(steps) == len(shards)
    assert (steps[0], steps[-1]) == (0, 99)
    assert f"{100 - len(shards)} snapshots are no longer on disk" in recording.notices[0].text


def test_a_long_training_is_written_ever_sparser(make, tmp_path, monkeypatch):
    monkeypatch.setitem(retention.LIMITS, Loss, 200)
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    for step in range(3_200):
        writer.append(Loss(step, 1.0))
    writer.close()
    lines = (tmp_path / "run" / "events.r0.jsonl").read_text().splitlines()
    assert len(lines) == 200 + 4 * 100  # 200, then 100 for each of four doublings


def test_a_file_of_events_has_an_end(make, tmp_path, monkeypatch):
    monkeypatch.setattr(files_module, "EVENTS_BUDGET", 1_000)
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    for step in range(100):
        writer.append(Loss(step, 1.0))
    writer.close()
    assert len(writer.recording.losses) == 100
    assert "stopped" in writer.recording.notices[0].text
    assert read(tmp_path / "run").notices == writer.recording.notices
    assert 900 < (tmp_path / "run" / "events.r0.jsonl").stat().st_size < 1_300


def test_a_forked_process_writes_nothing(tmp_path, in_process):
    code = """
        import os, sys
        from collapse_doctor.recording.observations import Loss, Manifest, Snapshot
        from collapse_doctor.recording.writer import RecordingWriter
        import numpy as np
        writer = RecordingWriter(sys.argv[1], Manifest(1, "", {}, ()))
        writer.append(Loss(0, 1.0))
        child = os.fork()
        if child == 0:
            writer.append(Loss(1, 1.0))
            writer.append_snapshot(Snapshot(1, "", "a", 2, 2), np.zeros((2, 2)))
            writer.close()
            os._exit(0)
        os.waitpid(child, 0)
        writer.append(Loss(2, 1.0))
        writer.close()
    """
    in_process(code, tmp_path / "run")
    recording = read(tmp_path / "run")
    assert [loss.step for loss in recording.losses] == [0, 2]
    assert recording.snapshots == []


def test_a_killed_training_leaves_a_recording(tmp_path, in_process):
    code = """
        import os, signal, sys
        import numpy as np
        from collapse_doctor.recording.observations import Loss, Manifest, Snapshot
        from collapse_doctor.recording.writer import RecordingWriter
        writer = RecordingWriter(sys.argv[1], Manifest(1, "", {}, ()))
        for step in range(200):
            writer.append(Loss(step, 1.0))
            if step % 50 == 0:
                writer.append_snapshot(Snapshot(step, "", "a", 2, 2), np.full((2, 2), step))
        writer.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert in_process(code, tmp_path / "run", check=False).returncode == -9
    recording = read(tmp_path / "run")
    assert [loss.step for loss in recording.losses] == list(range(200))
    assert [rows[0, 0] for _, rows in recording.snapshots] == [0, 50, 100, 150]
    assert recording.notices == []


def test_a_full_disk_ends_the_folder_but_not_the_training(tmp_path, in_process):
    code = """
        import resource, sys
        from collapse_doctor.recording.observations import Loss, Manifest
        from collapse_doctor.recording.writer import RecordingWriter
        writer = RecordingWriter(sys.argv[1], Manifest(1, "", {}, ()))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        for step in range(500):
            writer.append(Loss(step, 1.0))
        writer.close()
        assert len(writer.recording.losses) == 500
        print(*[notice.text for notice in writer.recording.notices], sep="\\n")
    """
    said = in_process(code, tmp_path / "run").stdout.splitlines()
    assert len(said) == 1
    assert "stopped: File too large; the rest is in memory only" in said[0]
    losses = read(tmp_path / "run").losses
    assert [loss.step for loss in losses] == list(range(len(losses)))
    assert len(losses) > 10


class NearlyFull(io.FileIO):
    """A disk that takes half of one line, refuses once, and then has room again."""

    faults = 2

    def write(self, content):
        if self.faults == 0:
            return super().write(content)
        self.faults -= 1
        if self.faults == 1:
            return super().write(content[: len(content) // 2])
        raise OSError(28, "No space left on device")


def test_the_notice_is_readable_behind_a_torn_line(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    writer.append(Loss(0, 1.0))
    writer.flush()
    writer._files._events.close()
    writer._files._events = NearlyFull(tmp_path / "run" / "events.r0.jsonl", "a")
    writer.append(Loss(1, 1.0))
    writer.close()
    recording = read(tmp_path / "run")
    assert [loss.step for loss in recording.losses] == [0]
    stopped, damaged = recording.notices
    assert "No space left on device" in stopped.text
    assert "1 damaged line was left out" in damaged.text


def test_a_write_that_takes_only_a_part_is_continued(tmp_path):
    class Slow(io.FileIO):
        def write(self, content):
            return super().write(content[:3])

    with Slow(tmp_path / "file", "w") as file:
        write_all(file, b"0123456789")
    assert (tmp_path / "file").read_bytes() == b"0123456789"


def test_a_snapshot_beyond_the_budget_is_not_written_at_all(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest(), disk_budget=10)
    writer.append_snapshot(make.snapshot(), make.rows())
    writer.close()
    assert list((tmp_path / "run" / "shards").iterdir()) == []
    assert (tmp_path / "run" / "events.r0.jsonl").read_bytes() == b""
    assert len(writer.recording.snapshots) == 1


def test_a_folder_that_vanishes_is_told_once(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    os.rename(tmp_path / "run", tmp_path / "moved")
    for step in range(3):
        writer.append_snapshot(make.snapshot(step), make.rows(step))
    writer.close()
    assert len(writer.recording.snapshots) == 3
    assert len(writer.recording.notices) == 1


def test_every_use_is_written_once(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    seen = [Use("", "a", "compared"), Use("", "b", "compared"), Use("", "a", "classified")]
    for use in [*seen, *seen]:
        writer.append(use)
    writer.close()
    assert read(tmp_path / "run").uses == writer.recording.uses == seen
    assert len((tmp_path / "run" / "events.r0.jsonl").read_bytes().splitlines()) == 3


def test_a_manifest_can_be_completed_later(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest("guess"))
    writer.describe(make.manifest("encoder"))
    writer.close()
    assert read(tmp_path / "run").manifest == writer.recording.manifest == make.manifest("encoder")
