"""Models return anything, and are called with anything: it is taken as it is, or left alone."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict, UserDict, namedtuple
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.api import Inspector
from collapse_doctor.inspector.layers import choose
from collapse_doctor.inspector.outputs import tensors_in
from tests.inspector.side_by_side import compare, steps

Pair = namedtuple("Pair", ["left", "right"])


@dataclasses.dataclass
class Output:
    z: Tensor
    extra: Any = None
    unset: Any = dataclasses.field(init=False)


class ModelOutput(OrderedDict[str, Any]):
    """A mapping whose values are attributes as well, as those of language models are."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None


class Lazy(Mapping[str, Any]):
    """Reads from somewhere when it is asked, and cannot now."""

    def __getitem__(self, key: str) -> Any:
        raise OSError("not open")

    def __iter__(self) -> Iterator[str]:
        return iter(["z"])

    def __len__(self) -> int:
        return 1


class Labelled(Tensor):
    """A subclass, as libraries of images and of distributed training have them."""


def quantized(z: Tensor) -> Tensor:
    return torch.quantize_per_tensor(z.detach(), 0.1, 10, torch.quint8)


def nested(z: Tensor) -> Tensor:
    return torch.nested.as_nested_tensor([z.detach()[:2], z.detach()])


def jagged(z: Tensor) -> Tensor:
    return torch.nested.nested_tensor([z.detach()[:2], z.detach()], layout=torch.jagged)


RETURNS: dict[str, tuple[Callable[[Tensor], Any], set[str]]] = {
    "a tensor": (lambda z: z, {"output"}),
    "None": (lambda z: None, set()),
    "a tuple": (lambda z: (z, None, 3, "text"), {"output[0]"}),
    "a named tuple": (lambda z: Pair(z, z * 2), {"output.left", "output.right"}),
    "a dataclass": (
        lambda z: Output(z, {"deep": [z * 2]}),
        {"output.z", "output.extra['deep'][0]"},
    ),
    "a mapping": (lambda z: ModelOutput(z=z, loss=z.sum()), {"output['z']"}),
    "a user's dict": (lambda z: UserDict({"z": z}), {"output['z']"}),
    "a failing mapping": (lambda z: (Lazy(), z), {"output[1]"}),
    "a generator": (lambda z: (row for row in z), set()),
    "a generator inside": (lambda z: {"z": z, "rows": iter(z)}, {"output['z']"}),
    "a subclass": (lambda z: z.as_subclass(Labelled), set()),
    "sparse": (lambda z: z.to_sparse(), set()),
    "sparse rows": (lambda z: z.detach().to_sparse_csr(), set()),
    "nested": (nested, set()),
    "jagged": (jagged, set()),
    "quantized": (quantized, set()),
    "meta": (lambda z: z.detach().to("meta"), set()),
    "complex": (lambda z: torch.complex(z, z), set()),
    "conjugate": (lambda z: torch.complex(z, z).conj().imag, {"output"}),
    "integers": (lambda z: z.detach().long(), set()),
    "booleans": (lambda z: z > 0, set()),
    "eighths": (lambda z: z.detach().to(torch.float8_e4m3fn), set()),
    "halves": (lambda z: z.half() * 60_000, {"output"}),
    "a number": (lambda z: z.sum(), set()),
    "a vector": (lambda z: z[:, 0], set()),
    "no rows": (lambda z: z[:0], set()),
    "no columns": (lambda z: z[:, :0], set()),
    "one row": (lambda z: z[:1], {"output"}),
    "one column": (lambda z: z[:, :1], {"output"}),
    "strided": (lambda z: z.T[::2].T, {"output"}),
    "overlapping": (lambda z: z.detach().reshape(-1).unfold(0, 4, 1), {"output"}),
    "expanded": (lambda z: z[:1].expand(8, -1), set()),
    "six dimensions": (lambda z: z.reshape(2, 2, 2, 2, 2, 1), set()),
    "NaN and infinity": (lambda z: z * torch.tensor([torch.nan] + [torch.inf] * 3), {"output"}),
    "enormous": (lambda z: z * 1e38, {"output"}),
    "one thing twice": (lambda z: (z, z), {"output[1]"}),
    "a class": (lambda z: Output, set()),
    "many": (lambda z: [z + n for n in range(40)], {f"output[{n}]" for n in range(16)}),
}


class Model(nn.Module):
    def __init__(self, give: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.lower = nn.Linear(6, 4)
        self.give = give

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        x = kwargs["x"] if "x" in kwargs else args[0]
        return self.give(self.lower(x))


def values(output: Any) -> Any:
    """Use an output up, so that one which we had used up before would be missed."""
    if isinstance(output, Iterator):
        return [row.detach() for row in output]
    if isinstance(output, dict) and "rows" in output:
        return [row.detach() for row in output["rows"]]
    return None


@pytest.mark.filterwarnings("ignore:Sparse CSR", "ignore:The PyTorch API of nested tensors")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore:.*quantize.*")
@pytest.mark.parametrize("name", RETURNS)
def test_what_a_model_returns(name: str) -> None:
    give, expected = RETURNS[name]

    def training(watch: Callable[..., Any]) -> Any:
        model, used = Model(give), []
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with watch(model):
            for _ in range(3):
                x = torch.randn(8, 6)
                used.append(values(model(x)))
                loss = F.mse_loss(model.lower(x), x[:, :4])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return used, model

    inspector = compare(training, every=1)
    assert steps(inspector) == 3
    assert {m.layer for m in inspector.recording.measures} - {"lower"} == expected
    assert str(inspector.diagnose())


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch", "ignore:.*quantize.*")
@pytest.mark.parametrize(
    "extra",
    [
        lambda x: (row for row in x),
        lambda x: Lazy(),
        lambda x: [x] * 100_000,
        lambda x: x.to_sparse(),
        lambda x: nested(x),
        lambda x: quantized(x),
        lambda x: x.as_subclass(Labelled),
        lambda x: {"deep": {"er": {"and": {"deeper": x}}}},
        lambda x: None,
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_what_a_model_is_given(extra: Callable[[Tensor], Any], first: bool) -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model, used = Model(lambda z: z), []
        with watch(model):
            for _ in range(3):
                x = torch.randn(8, 6)
                more = extra(x)
                output = model(more, x=x) if first else model(x, more=more)
                used.append((output, values(more)))
        return used

    assert len(compare(training, every=1).recording.measures) >= 3


def test_a_long_list_is_not_walked_to_its_end() -> None:
    class Long(list[Tensor]):
        read = 0

        def __iter__(self) -> Iterator[Tensor]:
            for item in super().__iter__():
                self.read += 1
                yield item

    rows = Long([torch.ones(2, 2)] * 1000)
    assert len(list(tensors_in(rows))) == 16
    assert rows.read <= 17


class Shared(nn.Module):
    """One module under two names, called twice in a pass."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(6, 8), nn.ReLU())
        self.decoder = nn.ModuleDict({"first": self.encoder[0], "last": nn.Linear(8, 6)})

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.decoder["last"](self.encoder(x))
        again: Tensor = self.decoder["first"](z) + 1
        return again


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (["encoder.0"], ["encoder.0"]),
        (["decoder.first"], ["decoder.first"]),
        (["decoder.*"], ["decoder.first", "decoder.last"]),
        (["encoder.0", "decoder.first"], ["encoder.0"]),
        (["*"], ["encoder", "encoder.0", "encoder.1", "decoder", "decoder.last"]),
    ],
)
def test_a_shared_module_is_found_under_each_of_its_names(
    wanted: list[str], names: list[str]
) -> None:
    assert [layer.name for layer in choose(Shared(), wanted)] == names


def test_a_module_that_holds_its_parent_has_finitely_many_names() -> None:
    model = Shared()
    model.decoder["parent"] = model
    assert [layer.name for layer in choose(model, ["decoder.*"])] == [
        "decoder.first",
        "decoder.last",
    ]


def test_a_module_that_is_called_twice_in_a_pass() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        model = Shared()
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        with watch(model, layers=["decoder.first", model.encoder]):
            for _ in range(4):
                optimizer.zero_grad()
                model(torch.randn(8, 6)).pow(2).mean().backward()
                optimizer.step()
        return model

    inspector = compare(training)
    rows = {(m.layer, m.rows) for m in inspector.recording.measures}
    assert rows == {("decoder.first", 16), ("encoder", 8), ("output", 8)}


def test_a_teacher_and_a_student_that_share_a_part() -> None:
    def training(watch: Callable[..., Any]) -> Any:
        trunk = nn.Linear(6, 8)
        models = {
            "student": nn.Sequential(trunk, nn.ReLU(), nn.Linear(8, 4)),
            "teacher": nn.Sequential(trunk, nn.Tanh(), nn.Linear(8, 4)),
        }
        optimizer = torch.optim.SGD(models["student"].parameters(), 0.1)
        with watch(models):
            for _ in range(4):
                x = torch.randn(8, 6)
                with torch.no_grad():
                    target = models["teacher"](x)
                optimizer.zero_grad()
                F.mse_loss(models["student"](x), target).backward()
                optimizer.step()
        return list(models.values())

    inspector = compare(training)
    assert steps(inspector) == 4
    assert {m.model for m in inspector.recording.measures} == {"student", "teacher"}


def test_a_model_inside_another_that_is_watched_too() -> None:
    model = nn.Sequential(nn.Linear(6, 8), nn.Sequential(nn.ReLU(), nn.Linear(8, 4)))
    with Inspector({"whole": model, "part": model[1]}) as inspector:
        model(torch.randn(8, 6))
    assert {(m.model, m.layer) for m in inspector.recording.measures} >= {
        ("whole", "output"),
        ("part", "output"),
    }
