"""The reader against folders that are torn, damaged or hostile."""

import contextlib
import hashlib
import json
import os

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from collapse_doctor.errors import RecordingError
from collapse_doctor.recording import reader as reader_module
from collapse_doctor.recording.format import decode, encode
from collapse_doctor.recording.observations import Loss
from collapse_doctor.recording.reader import is_recording, read
from collapse_doctor.recording.writer import RecordingWriter


@pytest.fixture
def folder(make, tmp_path):
    """A finished recording of three losses and three snapshots."""
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    for step in range(3):
        writer.append(Loss(step, float(step)))
        writer.append_snapshot(make.snapshot(step), make.rows(step))
    writer.close()
    return tmp_path / "run"


def edit_snapshot(folder, position, **changes):
    """Change fields of the line of one snapshot."""
    file = folder / "events.r0.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    listed = [line for line in lines if line["type"] == "snapshot"]
    listed[position].update(changes)
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_torn_last_line_is_dropped_in_silence(folder):
    events = folder / "events.r0.jsonl"
    content = events.read_bytes()
    whole = len(content.splitlines())
    for cut in range(1, 60):
        events.write_bytes(content[:-cut])
        recording = read(folder)
        assert len(recording.losses) + len(recording.snapshots) == whole - 1
        assert recording.notices == []


def test_damaged_lines_cost_only_themselves(folder):
    with open(folder / "events.r0.jsonl", "ab") as file:
        file.write(b'{"type":"loss","step":"x"}\n\xff\xfe\n{"type":"unheard"}\n')
        file.write(b"[" * 100_000 + b"\n" + encode(Loss(9, 9.0)))
    recording = read(folder)
    assert [loss.step for loss in recording.losses] == [0, 1, 2, 9]
    assert [notice.text for notice in recording.notices] == [
        "4 damaged lines were left out of events.r0.jsonl"
    ]


SIDE = {"expression": "a", "shape": [8, 4], "dtype": "float32", "requires_grad": True}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("measure", {"values": {"nonfinite_share": None}}),
        ("measure", {"values": {"nonfinite_share": 1e300}}),
        ("measure", {"values": {"nonfinite_share": -0.5}}),
        ("measure", {"values": {"top_share": 2.0}}),
        ("measure", {"rows": -1}),
        ("measure", {"rows": 10**17}),
        ("measure", {"width": 10**12}),
        ("measure", {"width": -3}),
        ("measure", {"step": -1}),
        ("measure", {"forward": 10**25}),
        ("labels", {"distinct": -4}),
        ("labels", {"batch": 1 << 62}),
        ("loss", {"step": 1 << 60}),
        ("tick", {"forwards": -1}),
        ("cost", {"step": -1}),
        ("cost", {"elapsed": -0.5}),
        ("cost", {"elapsed": None}),
        ("cost", {"spent": 1e300}),
        ("cost", {"budget": 1.5}),
        ("comparison", {"operands": [SIDE]}),
        ("spread", {"result": [8]}),
        ("spread", {"operands": []}),
        ("spread", {"result": [8, -8]}),
        ("along-batch", {"operand": SIDE | {"shape": [8]}}),
        ("along-batch", {"step": -1}),
        ("comparison", {"relations": [{"kind": "equal", "left": -1, "right": 0}]}),
    ],
)
def test_a_number_that_cannot_be_true_costs_its_line(make, folder, kind, changes):
    line = next(
        line for one in make.one_of_each() if (line := json.loads(encode(one)))["type"] == kind
    )
    before = read(folder)
    with open(folder / "events.r0.jsonl", "a") as file:
        file.write(json.dumps(line | changes) + "\n" + encode(Loss(9, 9.0)).decode())
    recording = read(folder)
    assert len(recording.losses) == len(before.losses) + 1
    assert recording.measures == []
    assert recording.labels == []
    assert recording.comparisons == []
    assert recording.cost is None
    assert recording.shapes == []
    assert [notice.text for notice in recording.notices] == [
        "1 damaged line was left out of events.r0.jsonl"
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"nonfinite_share": 1.0, "zero_share": None, "top_share": None, "effective_rank": None},
        {"nonfinite_share": 0.0, "mean_top_share": 1.0 + 1e-12, "norm_mean": 1e300},
    ],
)
def test_undefined_and_rounded_measures_are_no_damage(make, folder, values):
    with open(folder / "events.r0.jsonl", "ab") as file:
        file.write(encode(make.measure(**values)))
    recording = read(folder)
    assert recording.measures[0].values == values
    assert recording.notices == []


def test_a_line_beyond_the_cap_is_left_out(folder, monkeypatch):
    monkeypatch.setattr(reader_module, "MAX_LINE_BYTES", 600)
    with open(folder / "events.r0.jsonl", "ab") as file:
        file.write(b'{"type":"notice","about":"a","text":"' + b"x" * 5_000 + b'"}\n')
        file.write(encode(Loss(9, 9.0)))
    recording = read(folder)
    assert recording.losses[-1].step == 9
    assert "1 damaged line was left out" in recording.notices[0].text


def test_a_flipped_bit_costs_one_snapshot(folder):
    shard = folder / "shards" / "r0-000001.safetensors"
    content = bytearray(shard.read_bytes())
    content[-1] ^= 1
    shard.write_bytes(content)
    recording = read(folder)
    assert [snapshot.step for snapshot, _ in recording.snapshots] == [0, 2]
    assert "r0-000001.safetensors: its checksum does not match" in recording.notices[0].text


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"file": "../../../../etc/passwd"}, "not the name of a shard"),
        ({"file": "/etc/passwd"}, "not the name of a shard"),
        ({"file": "shards/r0-000000.safetensors\n"}, "not the name of a shard"),
        ({"bytes": 1 << 40}, "size is out of range"),
        ({"bytes": -1}, "size is out of range"),
        ({"bytes": 100}, "size is not the one recorded"),
        ({"rows": 9}, "expected rows of shape"),
        ({"rows": -8, "width": -4}, "expected rows of shape"),
        ({"sha256": "0" * 64}, "checksum does not match"),
    ],
)
def test_a_line_that_lies_about_its_shard_costs_one_snapshot(folder, changes, word):
    edit_snapshot(folder, 1, **changes)
    recording = read(folder)
    assert [snapshot.step for snapshot, _ in recording.snapshots] == [0, 2]
    assert word in recording.notices[0].text


@pytest.mark.parametrize(
    ("tensors", "word"),
    [
        ({"other": np.zeros((8, 4), np.float32)}, "does not hold one float32"),
        ({"rows": np.zeros((8, 4), np.float32), "more": np.zeros(1)}, "does not hold one float32"),
        ({"rows": np.zeros((8, 4), np.float64)}, "does not hold one float32"),
        ({"x" * 2_000: np.zeros((8, 4), np.float32)}, "its header is too long"),
    ],
)
def test_a_shard_with_other_tensors_is_refused(folder, tensors, word):
    shard = folder / "shards" / "r0-000001.safetensors"
    save_file(tensors, shard)
    content = shard.read_bytes()
    edit_snapshot(folder, 1, bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    recording = read(folder)
    assert [snapshot.step for snapshot, _ in recording.snapshots] == [0, 2]
    assert word in recording.notices[0].text


def test_a_snapshot_that_claims_to_be_huge_is_never_opened(folder):
    edit_snapshot(folder, 1, rows=1 << 40, width=1 << 40)
    assert [snapshot.step for snapshot, _ in read(folder).snapshots] == [0, 2]


def test_a_deleted_shard_is_counted_and_an_unlisted_one_ignored(folder):
    shards = folder / "shards"
    (shards / "r0-000000.safetensors").unlink()
    (shards / "r0-000077.safetensors").write_bytes(b"half")
    (shards / ".r0-000078.safetensors.tmp").write_bytes(b"half")
    recording = read(folder)
    assert [snapshot.step for snapshot, _ in recording.snapshots] == [1, 2]
    assert len(recording.notices) == 1
    assert recording.notices[0].text.startswith("1 snapshot is no longer on disk")


def test_only_the_snapshots_that_memory_would_keep_are_opened(make, tmp_path, monkeypatch):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    for step in range(40):
        writer.append_snapshot(make.snapshot(step), make.rows(step))
    writer.close()
    monkeypatch.setattr(reader_module, "SNAPSHOT_BUDGET", 5 * 8 * 4 * 4)
    opened, original = [], reader_module._rows

    def observed(at, snapshot):
        opened.append(snapshot.step)
        return original(at, snapshot)

    monkeypatch.setattr(reader_module, "_rows", observed)
    steps = [snapshot.step for snapshot, _ in read(tmp_path / "run").snapshots]
    assert steps == opened
    assert len(steps) == 5
    assert (steps[0], steps[-1]) == (0, 39)


def spoil(folder, what):
    manifest = folder / "manifest.json"
    content = json.loads(manifest.read_text())
    if what == "missing":
        manifest.unlink()
    elif what == "newer":
        manifest.write_text(json.dumps({**content, "format": 99, "models": "changed"}))
    elif what == "other":
        manifest.write_text('{"name": "a web app"}')
    elif what == "damaged":
        manifest.write_text(json.dumps({**content, "models": 3}))
    elif what == "deep":
        manifest.write_text('{"kind":' + "[" * 100_000)
    elif what == "huge":
        manifest.write_text(" " * (17 << 20))


@pytest.mark.parametrize(
    ("what", "words", "is_one"),
    [
        ("missing", "a folder without manifest.json", False),
        ("newer", "format 1 or older, got format 99. Upgrade", True),
        ("other", "a manifest.json of something else", False),
        ("damaged", "a damaged manifest.json", True),
        ("deep", "a manifest.json of something else", False),
        ("huge", "a manifest.json of something else", False),
    ],
)
def test_what_is_no_recording_is_refused_in_one_line(folder, what, words, is_one):
    spoil(folder, what)
    with pytest.raises(RecordingError) as caught:
        read(folder)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert is_recording(folder) is is_one


def test_paths_that_are_no_folders_are_no_recordings(tmp_path):
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "manifest.json")  # would block whoever opens it
    for path, got in [("nowhere", "nothing of that name"), ("file", "a file"), (".", "a folder")]:
        assert not is_recording(tmp_path / path)
        with pytest.raises(RecordingError, match=got):
            read(tmp_path / path)


def test_a_disk_that_fails_is_told_in_one_line(folder, monkeypatch):
    def fail(file):
        raise OSError(5, "Input/output error", str(file))

    monkeypatch.setattr(reader_module, "_lines", fail)
    with pytest.raises(RecordingError, match="Input/output error"):
        read(folder)


def test_a_folder_that_was_just_opened_is_an_empty_recording(make, tmp_path):
    writer = RecordingWriter(tmp_path / "run", make.manifest())
    assert is_recording(tmp_path / "run")
    assert read(tmp_path / "run").measures == []
    (tmp_path / "run" / "events.r0.jsonl").unlink()
    assert read(tmp_path / "run").measures == []
    writer.close()


@settings(
    max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)
@given(line=st.binary(max_size=200))
def test_any_bytes_are_decoded_or_refused(line):
    with contextlib.suppress(msgspec.DecodeError):
        decode(line)


@pytest.mark.parametrize("byte", [0x00, 0x22, 0x5B, 0xE9, 0xFF])
def test_any_byte_may_be_wrong_in_any_line(make, byte):
    for observation in [*make.one_of_each(), make.snapshot()]:
        line = encode(observation)
        for position in range(len(line)):
            spoilt = line[:position] + bytes([byte]) + line[position + 1 :]
            with contextlib.suppress(msgspec.DecodeError):
                decode(spoilt)


def test_a_manifest_that_is_not_utf8_is_refused(folder):
    manifest = folder / "manifest.json"
    content = manifest.read_bytes()
    manifest.write_bytes(content.replace(b"encoder", b"enc\xe9der"))
    with pytest.raises(RecordingError, match=r"damaged manifest\.json"):
        read(folder)
    manifest.write_bytes(content.replace(b"collapse", b"c\xe9llapse"))
    assert not is_recording(folder)


def test_every_observation_survives_the_way_through_json(make):
    for observation in [*make.one_of_each(), make.snapshot()]:
        assert decode(encode(observation)) == observation
