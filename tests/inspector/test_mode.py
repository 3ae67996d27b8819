from __future__ import annotations

import threading

import pytest
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack
from torch.utils._device import DeviceContext

from collapse_doctor.inspector.mode import ModeWindow

X = torch.ones(2, 3)


class UsersMode(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def depth() -> int:
    return torch._C._len_torch_function_stack()


@pytest.fixture
def seen() -> list:
    return []


@pytest.fixture
def window(seen: list) -> ModeWindow:
    known = frozenset({F.cosine_similarity})
    return ModeWindow(known, lambda func, args, kwargs, result: seen.append(args))


def test_it_sees_the_users_own_objects(window: ModeWindow, seen: list) -> None:
    window.enter()
    F.cosine_similarity(X, X)
    torch.nn.CosineSimilarity()(X, X)
    F.mse_loss(X, X)
    window.leave()
    F.cosine_similarity(X, X)
    assert len(seen) == 2
    assert seen[0][0] is X


def test_it_opens_and_closes_between_steps(window: ModeWindow) -> None:
    window.enter()
    window.set(False)
    assert not window.is_open
    window.set(False)
    window.set(True)
    window.set(True)
    assert (window.is_open, depth()) == (True, 1)
    window.leave()
    assert depth() == 0


def test_a_mode_of_the_users_is_always_above_ours(window: ModeWindow) -> None:
    window.enter()
    with UsersMode() as users:
        window.set(False)
        assert _get_current_function_mode_stack() == [users]
        window.set(True)
        assert depth() == 2
        assert _get_current_function_mode_stack()[1] is users
        for device in (torch.device("cpu"), DeviceContext("cpu")):  # on top; at the very bottom
            with device:
                window.set(False)
                window.set(True)
                assert depth() == 3
    assert (depth(), window.is_open) == (1, True)
    window.leave()
    assert depth() == 0


def test_a_mode_that_was_there_before_may_leave_first(window: ModeWindow) -> None:
    users = UsersMode()
    users.__enter__()
    window.enter()
    users.__exit__(None, None, None)
    assert window.is_open
    window.leave()
    assert depth() == 0


def test_it_is_moved_neither_in_backward_nor_while_it_runs(window: ModeWindow) -> None:
    window.enter()
    x = torch.ones(3, requires_grad=True)
    x.register_post_accumulate_grad_hook(lambda _: window.set(False))
    torch.autograd.backward(x.sum())
    assert window.is_open
    window.settle()
    assert not window.is_open


def test_once_left_it_is_deaf(window: ModeWindow, seen: list) -> None:
    window.enter()
    thread = threading.Thread(target=window.leave)
    thread.start()
    thread.join()
    F.cosine_similarity(X, X)
    assert (seen, depth()) == ([], 1), "another thread cannot take it off"
    window.set(False)
    window.leave()
    assert depth() == 0


def test_inside_a_mode_of_the_users(window: ModeWindow) -> None:
    with torch.device("cpu"):
        window.enter()
        window.set(False)
        window.set(True)
        assert depth() == 2
        window.leave()
        assert depth() == 1


def test_it_leaves_from_the_middle_of_the_stack(window: ModeWindow) -> None:
    window.enter()
    users = UsersMode()
    users.__enter__()
    window.leave()
    window.leave()
    assert depth() == 1
    users.__exit__(None, None, None)
    assert depth() == 0


def test_an_error_of_the_users_passes_through(window: ModeWindow, seen: list) -> None:
    window.enter()
    with pytest.raises(IndexError):
        F.cosine_similarity(torch.ones(3), torch.ones(3), dim=1)
    window.leave()
    assert seen == []


def test_another_thread_than_the_one_that_entered_is_left_alone(window: ModeWindow) -> None:
    window.enter()
    depths = []

    def train() -> None:
        window.set(True)
        depths.append(depth())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    window.leave()
    assert depths == [0]


def test_it_rests_while_an_optimizer_works(window: ModeWindow, seen: list) -> None:
    window.enter()
    window.rest(True)
    assert not window.is_open
    window.rest(False)
    assert (window.is_open, depth()) == (True, 1)
    window.leave()


def test_a_rest_that_never_ended_is_over_at_the_next_step(window: ModeWindow) -> None:
    window.enter()
    window.rest(True)  # and the optimizer raised
    window.set(True)
    window.rest(False)
    assert depth() == 1
    window.rest(True)
    window.set(False)
    window.rest(False)
    assert depth() == 0
    window.leave()


def test_what_goes_through_it_is_counted(window: ModeWindow) -> None:
    window.enter()
    for _ in range(50):
        torch.ones(2) + 1
    window.leave()
    assert window.cost() > 0
    assert window.cost() == 0, "counted once"


def test_two_windows_rest_together(seen: list) -> None:
    windows = [ModeWindow(frozenset(), lambda *call: None) for _ in range(2)]
    for window in windows:
        window.enter()
    for window in windows:
        window.rest(True)
    assert depth() == 0
    for window in windows:
        window.rest(False)
        window.set(True)
    assert depth() == 2
    for window in windows:
        window.leave()
