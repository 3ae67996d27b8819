from __future__ import annotations

import threading

import pytest
import torch
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode, _get_current_function_mode_stack

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


def test_a_mode_of_the_users_on_top_is_left_in_peace(window: ModeWindow) -> None:
    window.enter()
    with UsersMode():
        window.set(False)
        assert depth() == 2
    window.set(False)
    assert depth() == 0
    with UsersMode():
        window.set(True)
        assert depth() == 1, "not pushed above a mode that will be popped first"


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


def test_it_pauses_for_a_call_and_goes_on_where_it_was(window: ModeWindow, seen: list) -> None:
    window.enter()
    with UsersMode() as users:
        window.pause()
        F.cosine_similarity(X, X)
        window.resume()
        assert [type(mode) for mode in _get_current_function_mode_stack()] == [
            type(window._mode),
            type(users),
        ]
        F.cosine_similarity(X, X)
    assert depth() == 1
    window.leave()
    assert len(seen) == 1


def test_a_pause_ends_only_what_it_began(window: ModeWindow) -> None:
    window.enter()
    window.set(False)
    window.pause()
    window.resume()
    assert depth() == 0, "it was closed before"
    with UsersMode():
        window._base = 1
        window.set(True)
        window.pause()
    window.resume()
    assert depth() == 0, "what it was above is gone"


def test_two_windows_pause_together(seen: list) -> None:
    windows = [ModeWindow(frozenset(), lambda *call: None) for _ in range(2)]
    for window in windows:
        window.enter()
    for window in windows:
        window.pause()
    assert depth() == 0
    for window in windows:
        window.resume()
        window.set(True)
    assert depth() == 2
    for window in windows:
        window.leave()
