"""A recording in adversity, with real processes: full disks, kills, forks, exits, hanging disks."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from collapse_doctor.recording.reader import read

HEAD = """
import os, signal, sys, threading, time
import numpy as np
from collapse_doctor.errors import RecordingError
from collapse_doctor.recording import files, writer as module
from collapse_doctor.recording.observations import Loss, Manifest, Snapshot
from collapse_doctor.recording.writer import RecordingWriter

def open_run():
    return RecordingWriter(sys.argv[1], Manifest(1, "", {}, ()))

def shoot(writer, step, width=64):
    writer.append_snapshot(Snapshot(step, "", "a", 16, width), np.full((16, width), step))
"""


@pytest.fixture
def python(in_process):
    """Run code behind the imports above in a process of its own."""

    def run(code, *arguments, check=True):
        done = in_process(HEAD + textwrap.dedent(code), *arguments, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    return run


@pytest.fixture
def public_folder():
    """A folder that every user of the machine may enter."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def steps_of(recording):
    return [loss.step for loss in recording.losses]


def assert_whole(folder):
    """Every line is sound and every shard it lists is there, with its own content."""
    recording = read(folder)
    assert recording.notices == []
    assert steps_of(recording) == list(range(len(recording.losses)))
    for snapshot, rows in recording.snapshots:
        assert (rows == snapshot.step).all()
    return recording


@pytest.mark.parametrize("lines", [20, 400])
def test_a_kill_in_the_midst_of_writing_leaves_whole_lines_and_shards(tmp_path, lines):
    code = HEAD + textwrap.dedent("""
        writer = open_run()
        for step in range(10**9):
            writer.append(Loss(step, 1.0))
            shoot(writer, step)
            time.sleep(0.0005)
    """)
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "run")])
    events = tmp_path / "run" / "events.r0.jsonl"
    try:
        until = time.monotonic() + 60
        while not events.exists() or events.read_bytes().count(b"\n") < lines:
            assert time.monotonic() < until
            assert process.poll() is None
    finally:
        process.kill()
        process.wait()
    recording = assert_whole(tmp_path / "run")
    assert len(recording.losses) >= lines // 2
    assert len(recording.snapshots) >= lines // 2 - 1


ENDS = {
    "sys.exit(3)": 3,
    "raise ValueError('of the user')": 1,
    "": 0,
    "os.kill(os.getpid(), signal.SIGINT); time.sleep(9)": -signal.SIGINT,
}


@pytest.mark.parametrize(("end", "code"), ENDS.items())
def test_what_was_seen_is_written_when_the_program_ends_inside_the_block(
    tmp_path, python, end, code
):
    done = python(
        f"""
        writer = open_run()
        for step in range(50):
            writer.append(Loss(step, 1.0))
            shoot(writer, step)
        {end}
        """,
        tmp_path / "run",
        check=False,
    )
    assert done.returncode == code
    assert "collapse" not in done.stderr
    recording = assert_whole(tmp_path / "run")
    assert len(recording.losses) == len(recording.snapshots) == 50


def test_an_exit_without_any_farewell_leaves_what_the_system_had(tmp_path, python):
    python(
        """
        writer = open_run()
        for step in range(50):
            writer.append(Loss(step, 1.0))
        writer.flush()
        writer.append(Loss(50, 1.0))
        os._exit(0)
        """,
        tmp_path / "run",
    )
    assert len(assert_whole(tmp_path / "run").losses) in (50, 51)


def test_a_disk_that_hangs_holds_up_neither_training_nor_exit(tmp_path, python):
    done = python(
        """
        module.CLOSE_SECONDS = 0.5
        module.QUEUE_ITEMS = 80
        stuck = threading.Event()
        def hang(file, content):
            stuck.set()
            threading.Event().wait()
        files.write_all = hang
        writer = open_run()
        writer.append(Loss(0, 1.0))
        stuck.wait(30)
        for step in range(1, 100):
            writer.append(Loss(step, 1.0))
        assert len(writer.recording.losses) == 100
        writer.close()
        print(*[notice.text for notice in writer.recording.notices], sep="\\n")
        """,
        tmp_path / "run",
    )
    lost, late = done.stdout.splitlines()
    assert lost.startswith("30 lines and 0 snapshots were left out of ")
    assert "had not ended 0.5 s after the training: up to 71 observations may be missing" in late
    assert done.stderr == ""


def test_a_disk_that_hangs_does_not_hold_up_the_exit_inside_the_block(tmp_path, python):
    done = python(
        """
        module.CLOSE_SECONDS = 0.2
        files.write_all = lambda file, content: threading.Event().wait()
        writer = open_run()
        writer.append(Loss(0, 1.0))
        """,
        tmp_path / "run",
    )
    assert done.stderr == ""


def test_forked_children_neither_write_nor_hang(tmp_path, python):
    done = python(
        """
        signal.alarm(50)  # instead of hanging
        writer = open_run()
        codes = []
        for step in range(16):
            writer.append(Loss(step, 1.0))
            for _ in range(3):
                shoot(writer, step, width=2048)  # something to be in the midst of
            child = os.fork()
            if child == 0:
                writer.append(Loss(99, 1.0))
                shoot(writer, 99)
                writer.describe(Manifest(1, "child", {}, ()))
                assert writer.flush()
                if step % 2:
                    writer.close()
                sys.exit(7)  # with everything that runs at an exit
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        assert codes == [7] * 16, codes
        assert writer.flush()
        assert threading.active_count() == 2
        writer.close()
        assert threading.active_count() == 1
        """,
        tmp_path / "run",
    )
    assert done.stderr == ""
    recording = assert_whole(tmp_path / "run")
    assert (len(recording.losses), len(recording.snapshots)) == (16, 48)
    assert recording.manifest.created == ""


def test_workers_of_multiprocessing_neither_write_nor_hang(tmp_path, python):
    done = python(
        """
        import multiprocessing
        signal.alarm(50)
        writer = open_run()

        def worker(queue):
            writer.append(Loss(99, 1.0))
            queue.put(writer.flush())

        context = multiprocessing.get_context("fork")
        for step in range(10):
            writer.append(Loss(step, 1.0))
            shoot(writer, step, width=4096)
            queue = context.Queue()
            processes = [context.Process(target=worker, args=(queue,)) for _ in range(2)]
            for process in processes:
                process.start()
            assert queue.get() and queue.get()
            for process in processes:
                process.join()
                assert process.exitcode == 0
        """,
        tmp_path / "run",
    )
    assert done.stderr == ""
    assert len(assert_whole(tmp_path / "run").losses) == 10


def test_of_two_runs_in_one_folder_the_second_is_refused(tmp_path):
    code = HEAD + textwrap.dedent("""
        print("ready", flush=True)
        sys.stdin.readline()
        try:
            writer = open_run()
        except RecordingError as error:
            print(error)
            sys.exit(5)
        for step in range(100):
            writer.append(Loss(step, 1.0))
            shoot(writer, step)
        writer.close()
    """)
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for run in runs:
        assert run.stdout.readline() == "ready\n"
    for run in runs:
        run.stdin.write("go\n")
        run.stdin.flush()
    said = [run.communicate(timeout=60)[0] for run in runs]
    assert sorted(run.returncode for run in runs) == [0, 5]
    assert "already holds a recording" in "".join(said)
    recording = assert_whole(tmp_path / "run")
    assert len(recording.losses) == len(recording.snapshots) == 100


@pytest.mark.skipif(sys.platform != "linux", reason="needs another user")
@pytest.mark.parametrize("when", ["from the start", "in the midst"])
def test_a_folder_nobody_may_write_is_told_once(public_folder, python, when):
    done = python(
        """
        if os.getuid() == 0:
            os.setgid(65534), os.setuid(65534)  # root may write everywhere
        from pathlib import Path
        run = Path(sys.argv[1])
        if sys.argv[2] == "from the start":
            run.mkdir(mode=0o500)
            try:
                open_run()
            except RecordingError as error:
                print(error)
            run.chmod(0o700)
            sys.exit(0)
        writer = open_run()
        shoot(writer, 0)
        assert writer.flush()
        (run / "shards").chmod(0o500)
        for step in range(1, 6):
            shoot(writer, step)
            writer.append(Loss(step, 1.0))
            writer.flush()
        writer.close()
        assert threading.active_count() == 1
        assert len(writer.recording.snapshots) == 6
        print(*[notice.text for notice in writer.recording.notices], sep="\\n")
        (run / "shards").chmod(0o700)
        """,
        public_folder / "run",
        when,
    )
    assert "Permission denied" in done.stdout
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""
    if when == "in the midst":
        recording = read(public_folder / "run")
        assert [snapshot.step for snapshot, _ in recording.snapshots] == [0]
        assert [notice.text for notice in recording.notices] == done.stdout.splitlines()


def test_a_disk_too_full_for_a_shard_leaves_no_half_of_it(tmp_path, python):
    done = python(
        """
        import resource
        writer = open_run()
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
        shoot(writer, 0)
        shoot(writer, 1, width=1024)
        shoot(writer, 2)
        writer.close()
        assert len(writer.recording.snapshots) == 3
        print(*[notice.text for notice in writer.recording.notices], sep="\\n")
        """,
        tmp_path / "run",
    )
    (said,) = done.stdout.splitlines()
    assert "stopped: File too large; the rest is in memory only" in said
    recording = read(tmp_path / "run")
    assert [snapshot.step for snapshot, _ in recording.snapshots] == [0]
    assert [notice.text for notice in recording.notices] == [said]
    assert os.listdir(tmp_path / "run" / "shards") == ["r0-000000.safetensors"]
