from __future__ import annotations

import copy
import io
import threading
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from collapse_doctor.inspector.fuse import Fuse
from collapse_doctor.inspector.hooks import attach, attach_before


@pytest.fixture
def model() -> nn.Module:
    return nn.Linear(3, 2)


@pytest.fixture
def calls() -> list:
    return []


def listen(model: nn.Module, calls: list):
    return attach(model, lambda module, args, kwargs, output: calls.append(output))


def test_it_sees_the_users_own_output_and_goes(model: nn.Module, calls: list) -> None:
    detach = listen(model, calls)
    output = model(torch.ones(4, 3))
    assert calls[0] is output
    detach()
    model(torch.ones(4, 3))
    assert len(calls) == 1
    assert not model._forward_hooks


def test_copies_and_pickles_are_not_watched(model: nn.Module, calls: list) -> None:
    detach = listen(model, calls)
    twin = copy.deepcopy(model)
    file = io.BytesIO()
    torch.save(model, file)
    detach()
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    assert b"collapse_doctor" not in file.getvalue(), "loads where the package is not installed"
    for copied in (twin, loaded):
        assert copied(torch.ones(4, 3)).shape == (4, 2)
    assert calls == []
    assert list(model.state_dict()) == ["weight", "bias"]


@pytest.mark.parametrize("reentrant", [True, False])
def test_recomputation_in_backward_is_not_a_forward_pass(
    model: nn.Module, calls: list, reentrant: bool
) -> None:
    detach = listen(model, calls)
    x = torch.ones(4, 3, requires_grad=True)
    checkpoint(model, x, use_reentrant=reentrant).sum().backward()
    detach()
    assert len(calls) == 1


def test_other_threads_are_not_watched(model: nn.Module, calls: list) -> None:
    detach = listen(model, calls)
    thread = threading.Thread(target=lambda: model(torch.ones(4, 3)))
    thread.start()
    thread.join()
    detach()
    assert calls == []


def test_a_fault_blows_the_fuse_once(caplog: pytest.LogCaptureFixture) -> None:
    reasons: list[str] = []
    fuse = Fuse(reasons.append)

    def faulty() -> None:
        raise ValueError("no such thing")

    guarded = fuse.guard(faulty)
    guarded()
    guarded()
    assert fuse.blown
    assert len(reasons) == len(caplog.records) == 1
    assert "ValueError at faulty" in reasons[0]
    assert "no such thing" in caplog.text


def test_an_interrupt_is_the_users() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    fuse = Fuse(lambda reason: None)
    with pytest.raises(KeyboardInterrupt):
        fuse.guard(interrupted)()
    assert not fuse.blown


def test_a_fault_while_cleaning_up_is_contained(caplog: pytest.LogCaptureFixture) -> None:
    def broken(reason: str) -> None:
        raise OSError("disk on fire")

    Fuse(broken).blow(ValueError("first"))
    assert "disk on fire" in caplog.text


def test_tracing_does_not_see_us(model: nn.Module, calls: list) -> None:
    detach = listen(model, calls)
    with pytest.warns(DeprecationWarning, match="jit"):
        traced = torch.jit.trace(model, torch.ones(4, 3), check_trace=False)
    with FlopCounterMode(display=False):
        model(torch.ones(4, 3))
    detach()
    assert calls == []
    assert traced(torch.ones(4, 3)).shape == (4, 2)


def test_a_hidden_hook_comes_back_as_it_was(model: nn.Module, calls: list) -> None:
    detach = listen(model, calls)
    detach.hide()
    detach.hide()
    assert not model._forward_hooks
    assert not model._forward_hooks_with_kwargs
    model(torch.ones(4, 3))
    detach.show()
    detach.show()
    model(torch.ones(4, 3))
    assert len(calls) == 1
    detach.hide()
    detach()
    detach.show()
    assert not model._forward_hooks
    assert not model._forward_hooks_with_kwargs


def test_beside_a_hook_of_the_users_ours_is_not_hidden(model: nn.Module, calls: list) -> None:
    model.register_forward_hook(lambda module, args, output: output * 2)
    detach = listen(model, calls)
    detach.hide()
    doubled = model(torch.ones(4, 3))
    detach()
    assert calls[0] is doubled
    assert len(model._forward_hooks) == 1


def test_a_hook_may_come_before_the_call(model: nn.Module, calls: list) -> None:
    detach = attach_before(model, lambda module, args, kwargs: calls.append(args))
    x = torch.ones(4, 3)
    model(x)
    detach()
    model(x)
    assert [args[0] is x for args in calls] == [True]


def test_a_hook_hidden_for_two_reasons_comes_back_when_both_are_gone(
    model: nn.Module, calls: list
) -> None:
    detach = listen(model, calls)
    detach.hide()
    detach.hide("rest")
    detach.show()
    assert not model._forward_hooks
    detach.show("rest")
    assert model._forward_hooks
    detach.hide("rest")
    detach()
    assert not model._forward_hooks


def test_where_a_glance_suffices_nothing_more_is_done(model: nn.Module, calls: list) -> None:
    glances: list[nn.Module] = []
    suffices = True

    def glance(module: nn.Module, _output: Any) -> bool:
        glances.append(module)
        return suffices

    detach = attach(model, lambda *call: calls.append(call), glance=glance)
    model(torch.ones(4, 3))
    assert glances == [model]
    assert not calls
    suffices = False
    model(torch.ones(4, 3))
    assert len(calls) == 1
    detach()
