from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from collapse_doctor.inspector.outputs import embeddings_among, is_plain, pool, tensors_in

Z = torch.arange(12.0).reshape(3, 4)
Pair = namedtuple("Pair", ["left", "right"])


@dataclass
class Output:
    pooled: Tensor
    hidden: list[Tensor]


@pytest.mark.parametrize(
    ("output", "names"),
    [
        (Z, ["output"]),
        ((Z, Z), ["output[0]", "output[1]"]),
        ([Z, None, "text", Z], ["output[0]", "output[3]"]),
        ({"z": Z, "aux": {"w": Z}}, ["output['z']", "output['aux']['w']"]),
        (OrderedDict(last_hidden_state=Z), ["output['last_hidden_state']"]),
        (Pair(Z, Z), ["output.left", "output.right"]),
        (Output(Z, [Z, Z]), ["output.pooled", "output.hidden[0]", "output.hidden[1]"]),
        (nn.utils.rnn.pack_sequence([Z, Z[:2]]), ["output.data"]),
        (None, []),
        (3.0, []),
        (Output, []),  # a class is no output, though it has fields
    ],
)
def test_tensors_are_found_under_the_name_that_reaches_them(output, names) -> None:
    assert [name for name, _ in tensors_in(output)] == names


def test_endless_outputs_are_cut() -> None:
    nested: list = []
    nested.append(nested)
    assert list(tensors_in(nested)) == []
    assert len(list(tensors_in([Z] * 1000))) == 16


def test_rows_are_taken_as_they_are() -> None:
    rows = pool(Z.requires_grad_())
    assert rows is not None
    assert torch.equal(rows.values, Z)
    assert not rows.values.requires_grad
    assert rows.how == ""


def test_sequences_are_averaged_over_time() -> None:
    x = torch.randn(5, 7, 3)
    rows = pool(x)
    assert rows is not None
    assert torch.allclose(rows.values, x.mean(1))
    assert rows.how == "mean over 7 positions, padding included"


@pytest.mark.parametrize("batch_first", [True, False])
def test_recurrent_outputs_keep_the_batch(batch_first: bool) -> None:
    module = nn.GRU(3, 4, batch_first=batch_first)
    x = torch.randn(5, 7, 3) if batch_first else torch.randn(7, 5, 3)
    rows = pool(module(x)[0], module)
    assert rows is not None
    assert rows.values.shape == (5, 4)


@pytest.mark.parametrize(
    ("shape", "module"),
    [((5, 3, 9), nn.Conv1d(3, 3, 1)), ((5, 3, 4, 2), None), ((5, 3, 2, 2, 2), None)],
)
def test_channels_are_averaged_over_positions(shape, module) -> None:
    x = torch.randn(shape)
    rows = pool(x, module)
    assert rows is not None
    assert torch.allclose(rows.values, x.flatten(2).mean(2))


def test_a_few_vectors_of_each_sample_are_rows() -> None:
    x = torch.randn(2, 9, 4)
    rows = pool(x, None, 10, batch=9)
    assert rows is not None
    assert torch.equal(rows.values, x[:, ::2].flatten(0, 1))  # at most ten, and as many of each
    assert "2 vectors of each sample" in rows.how


@pytest.mark.parametrize(
    ("shape", "module"),
    [
        ((9, 5, 4), None),  # the batch is in front
        ((9, 9, 4), None),  # or may be
        ((20, 9, 4), None),  # a sequence
        ((2, 9, 4), nn.GRU(4, 4)),
        ((2, 9, 4), nn.Conv1d(9, 9, 1)),
    ],
)
def test_other_outputs_of_three_dimensions_are_averaged(shape, module) -> None:
    rows = pool(torch.randn(shape), module, None, batch=9)
    assert rows is not None
    assert "vectors of each sample" not in rows.how


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(1.0),
        torch.zeros(3),
        torch.zeros(3, 4, dtype=torch.long),
        torch.zeros(3, 4, dtype=torch.complex64),
        torch.zeros(0, 4),
        torch.zeros(3, 4, device="meta"),
        torch.zeros(3, 4).to_sparse(),
    ],
)
def test_what_holds_no_embeddings(tensor: Tensor) -> None:
    assert pool(tensor) is None


def test_plain_tensors_only() -> None:
    assert is_plain(Z)
    assert is_plain(nn.Parameter(Z.detach()))
    assert not is_plain(Z.to_sparse())

    seen: list[bool] = []

    def look(row: Tensor) -> Tensor:
        seen.append(is_plain(row))
        return row

    torch.func.vmap(look)(Z)
    assert seen == [False]


def test_subclasses_are_left_alone() -> None:
    class Mine(Tensor):
        pass

    assert not is_plain(Z.detach().as_subclass(Mine))


def test_masks_states_and_expanded_rows_are_no_embeddings() -> None:
    z = torch.randn(5, 4, requires_grad=True)
    outputs = [
        ("z", z * 1),
        ("mask", torch.ones(5, 7)),
        ("query", torch.randn(1, 4, requires_grad=True).expand(5, -1)),
        ("loss", z.sum()),
        ("ids", torch.zeros(5, 4, dtype=torch.long)),
    ]
    assert [name for name, _ in embeddings_among(outputs)] == ["z"]
    detached = [(name, tensor.detach()) for name, tensor in outputs]
    assert [name for name, _ in embeddings_among(detached)] == ["z", "mask"]
