from __future__ import annotations

import pytest
from torch import nn

from collapse_doctor.errors import UsageError
from collapse_doctor.inspector.layers import choose, choose_all, public_name


class Net(nn.Module):
    def __init__(self, depth: int = 3) -> None:
        super().__init__()
        self.embed = nn.Linear(4, 4)
        self.drop = nn.Dropout()
        self.blocks = nn.ModuleList(nn.Sequential(nn.Linear(4, 4), nn.ReLU()) for _ in range(depth))
        self.head = nn.Linear(4, 2)


def names(model: nn.Module, wanted=None) -> list[str]:
    return [layer.name for layer in choose(model, wanted)]


def test_main_blocks_are_what_a_reader_would_name() -> None:
    assert names(Net()) == ["embed", "blocks.0", "blocks.1", "blocks.2", "head"]


def test_many_blocks_are_thinned_and_the_last_stays() -> None:
    found = names(Net(depth=40))
    assert 6 <= len(found) <= 12
    assert found[-1] == "head"


def test_a_shell_around_one_module_is_opened() -> None:
    shell = nn.Module()
    shell.net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    assert names(shell) == ["net.0", "net.2"]


def test_a_model_without_parts_has_no_blocks() -> None:
    assert names(nn.Linear(4, 2)) == []


def test_names_globs_and_modules() -> None:
    model = Net()
    assert names(model, ["head"]) == ["head"]
    assert names(model, ["blocks.*.0", "embed"]) == [
        "embed",
        "blocks.0.0",
        "blocks.1.0",
        "blocks.2.0",
    ]
    assert names(model, [model.blocks[1]]) == ["blocks.1"]
    assert names(model, ["head", model.head, "he*"]) == ["head"]


def test_a_name_that_matches_nothing_names_near_ones() -> None:
    with pytest.raises(UsageError, match=r"'haed'.*head"):
        choose(Net(), ["haed"])
    with pytest.raises(UsageError, match="Conv2d"):
        choose(Net(), [nn.Conv2d(1, 1, 1)])


def test_patterns_may_match_in_one_of_two_towers() -> None:
    towers = {"image": Net(), "text": nn.Sequential(nn.Linear(4, 2), nn.ReLU())}
    found = choose_all(towers, ["head"])
    assert [layer.name for layer in found["image"]] == ["head"]
    assert found["text"] == []
    with pytest.raises(UsageError):
        choose_all(towers, ["nothing"])


def test_wrappers_do_not_show_in_names() -> None:
    assert public_name("module._orig_mod.encoder._fsdp_wrapped_module.layer") == "encoder.layer"
