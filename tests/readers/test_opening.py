"""Paths: formats told apart by content, tables chosen by name, faults said in one line."""

import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from collapse_doctor.readers.opening import FORMATS, open_source


def saved(tmp_path, content, name="emb.pt"):
    torch.save(content, tmp_path / name)
    return tmp_path / name


def test_no_two_formats_claim_one_suffix():
    suffixes = [suffix for format_ in FORMATS for suffix in format_.suffixes]
    assert len(suffixes) == len(set(suffixes))


def test_a_file_of_another_name_is_read_by_its_content(table, rows_of, tmp_path):
    np.save(tmp_path / "emb.npy", table.numpy())
    os.rename(tmp_path / "emb.npy", tmp_path / "emb.pt")
    source = open_source(tmp_path / "emb.pt")
    assert torch.equal(rows_of(source), table)
    assert source.notes == ("named emb.pt, read as .npy",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "an empty file"),
        (b"1.0,2.0\n3.0,4.0\n", "text that begins '1.0,2.0 3.0,4.0'"),
        ("äöü".encode() * 200, "text that begins 'äöü"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b"PK\x03\x04half", "a damaged or truncated zip archive"),
        (b"ARROW1..", "an Arrow file"),
        (b"\x00\x01\x02\xff", "bytes that begin 00 01 02 ff"),
    ],
)
@pytest.mark.parametrize("name", ["emb.pt", "emb.safetensors", "emb"])
def test_a_file_that_is_no_known_format_is_described(refusal, tmp_path, content, words, name):
    (tmp_path / name).write_bytes(content)
    line = refusal(open_source, tmp_path / name)
    assert words in line
    assert ".safetensors" in line
    assert name in line


def test_paths_that_lead_nowhere(refusal, tmp_path):
    os.mkfifo(tmp_path / "pipe.pt")
    assert "no such file" in refusal(open_source, tmp_path / "missing.pt")
    (tmp_path / "empty").mkdir()
    assert "got one without any" in refusal(open_source, tmp_path / "empty")
    assert "no regular file" in refusal(open_source, tmp_path / "pipe.pt")
    assert "cannot be opened" in refusal(open_source, "a\0b.pt")


def test_the_only_table_is_taken_and_the_rest_is_said(table, tmp_path):
    source = open_source(saved(tmp_path, {"out": table, "loss": torch.ones(9), "epoch": 3}))
    assert source.notes == ("read 'out' (50, 8) float32, not 'loss' (9,) float32",)


def test_a_usual_name_is_preferred(table, rows_of, tmp_path):
    content = {"queries": table * 2, "Embeddings": table, "centres": table[:1]}
    assert torch.equal(rows_of(open_source(saved(tmp_path, content))), table)


def test_single_rows_do_not_make_a_choice_hard(table, rows_of, tmp_path):
    source = open_source(saved(tmp_path, {"mean": table[:1], "out": table}))
    assert torch.equal(rows_of(source), table)


def test_several_tables_must_be_named(table, refusal, rows_of, tmp_path):
    path = saved(tmp_path, {"train": table, "test": table[:9] * 2, "ids": ["a", "b"]})
    line = refusal(open_source, path)
    assert "'train' (50, 8) float32; 'test' (9, 8) float32" in line
    assert "--key" in line
    assert torch.equal(rows_of(open_source(path, key="test")), table[:9] * 2)


def test_a_key_that_is_not_there_lists_those_that_are(table, refusal, tmp_path):
    line = refusal(open_source, saved(tmp_path, {"train": table}), key="nope")
    assert "a table called 'nope', got 'train' (50, 8) float32" in line
    line = refusal(open_source, saved(tmp_path, table), key="nope")
    assert "Leave --key out" in line


def test_many_tables_are_listed_in_short(refusal, tmp_path):
    content = {f"view{number}" + "x" * 200: torch.ones(3, 3) for number in range(40)}
    line = refusal(open_source, saved(tmp_path, content))
    assert "and 34 more" in line
    assert len(line) < 900


@pytest.mark.parametrize("wrap", [lambda d: d, lambda d: {"epoch": 3, "model": d, "opt": {}}])
def test_a_state_dict_is_recognised(refusal, tmp_path, wrap):
    model = torch.nn.Sequential(torch.nn.Embedding(30, 4), torch.nn.Conv2d(1, 16, 3))
    path = saved(tmp_path, wrap(model.state_dict()))
    prefix = "model." if wrap({}) else ""
    line = refusal(open_source, path)
    assert f"a state dict with 3 parameters, first '{prefix}0.weight' (30, 4)" in line
    assert "run the model and save its embeddings" in line.lower()
    assert open_source(path, key=f"{prefix}0.weight").rows == 30


def test_a_model_in_safetensors_is_recognised_too(refusal, tmp_path):
    tensors = {"cls_token": torch.ones(1, 2, 4), "blocks.0.norm.weight": torch.ones(4)}
    save_file(tensors, tmp_path / "model.safetensors")
    line = refusal(open_source, tmp_path / "model.safetensors")
    assert "a state dict with 2 parameters, first 'blocks.0.norm.weight' (4,)" in line


def test_embeddings_beside_a_model_are_found(table, rows_of, tmp_path):
    model = torch.nn.Linear(8, 8).state_dict()
    optimizer = {"state": {0: {"exp_avg": torch.ones(8, 8)}}}
    content = {"embeddings": table, "model": model, "optimizer": optimizer}
    assert torch.equal(rows_of(open_source(saved(tmp_path, content))), table)


def test_weights_of_examples_are_no_state_dict(table, tmp_path):
    assert open_source(saved(tmp_path, {"out": table, "weight": torch.ones(50)})).rows == 50


def test_other_dimensions_are_rows(tmp_path, rows_of):
    tokens = torch.arange(64 * 10 * 12.0).reshape(64, 10, 12)
    source = open_source(saved(tmp_path, tokens))
    assert source.rows == 640
    assert source.notes == ("(64, 10, 12): last dimension read as features, 640 rows",)
    assert torch.equal(rows_of(source), tokens.reshape(640, 12))


def test_nothing_that_holds_numbers(refusal, tmp_path):
    assert "nothing that holds numbers" in refusal(open_source, saved(tmp_path, {"epoch": 3}))
    assert "strings" in refusal(open_source, saved(tmp_path, ["a", "b"]))


def test_sparse_tensors_are_refused(refusal, tmp_path):
    line = refusal(open_source, saved(tmp_path, torch.eye(3).to_sparse()))
    assert "sparse_coo values" in line
    assert "to_dense" in line


def stepped(kind, **settings):
    model = torch.nn.Linear(8, 20)
    optimizer = kind(model.parameters(), lr=0.1, **settings)
    model(torch.ones(4, 8)).sum().backward()
    optimizer.step()
    return model, optimizer.state_dict()


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam])
@pytest.mark.parametrize("wrap", [lambda o: o, lambda o: {"epoch": 3, "optimizer": o}])
def test_the_state_of_an_optimizer_is_not_taken_for_embeddings(refusal, tmp_path, kind, wrap):
    settings = {"momentum": 0.9} if kind is torch.optim.SGD else {}
    path = saved(tmp_path, wrap(stepped(kind, **settings)[1]))
    name = "momentum_buffer" if settings else "exp_avg"
    prefix = "optimizer." if "optimizer" in wrap({}) else ""
    line = refusal(open_source, path)
    assert "the state of an optimizer" in line
    assert f"the largest '{prefix}state.0.{name}' (20, 8) float32" in line
    assert "Run the model and save its embeddings" in line
    assert open_source(path, key=f"{prefix}state.0.{name}").rows == 20


def test_the_state_of_an_optimizer_makes_no_choice_hard(table, refusal, rows_of, tmp_path):
    model, optimizer = stepped(torch.optim.Adam)
    path = saved(tmp_path, {"optimizer": optimizer, "out": table})
    assert torch.equal(rows_of(open_source(path)), table)
    path = saved(tmp_path, {"optimizer": optimizer, "train": table, "test": table})
    assert "got 'train' (50, 8) float32; 'test' (50, 8) float32. Name" in refusal(open_source, path)
    path = saved(tmp_path, {"optimizer": optimizer, "model": model.state_dict()})
    assert "a state dict with 2 parameters, first 'model.weight'" in refusal(open_source, path)


def test_something_else_called_state_is_read(table, rows_of, tmp_path):
    path = saved(tmp_path, {"state": {"out": table}, "param_groups": None})
    assert torch.equal(rows_of(open_source(path)), table)


def test_a_last_layer_of_one_output_is_no_mean_to_pass_over(refusal, tmp_path):
    content = {"W1": torch.ones(64, 32), "b1": torch.ones(64), "W2": torch.ones(1, 64)}
    line = refusal(open_source, saved(tmp_path, content))
    assert "got 'W1' (64, 32) float32; 'W2' (1, 64) float32. Name the one" in line


def test_weights_without_a_usual_name_must_be_named(refusal, tmp_path):
    layers = torch.nn.ParameterList([torch.ones(8, 3, 3, 3), torch.ones(8), torch.ones(4, 8)])
    line = refusal(open_source, saved(tmp_path, layers.state_dict()))
    assert "got '0' (8, 3, 3, 3) float32; '2' (4, 8) float32. Name the one" in line


def test_joined_tensors_are_said(table, tmp_path):
    source = open_source(saved(tmp_path, list(table.split(20))))
    assert source.notes == ("3 tensors joined to one table",)
