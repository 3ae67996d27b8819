"""What holds for every test: no network, and nothing of the process is left changed."""

from __future__ import annotations

import ipaddress
import os
import random
import signal
import sys
import threading
from collections.abc import Iterator

import matplotlib
import numpy as np
import pytest
import torch
from torch.nn.modules import module as nn_module
from torch.optim import optimizer

from collapse_doctor.inspector.source import reading

# Names of torch's registries of hooks that act on every module or optimizer of the process.
MODULE_HOOKS = (
    "_global_backward_hooks",
    "_global_backward_pre_hooks",
    "_global_buffer_registration_hooks",
    "_global_forward_hooks",
    "_global_forward_pre_hooks",
    "_global_module_registration_hooks",
    "_global_parameter_registration_hooks",
)
OPTIMIZER_HOOKS = ("_global_optimizer_post_hooks", "_global_optimizer_pre_hooks")


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple):  # a Unix socket's path, or a netlink number
        return True
    host = str(address[0])
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in ("", "localhost")


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if event == "socket.getaddrinfo":
        address: object = (arguments[0],)
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
    else:
        return
    if not _is_local(address):
        raise RuntimeError(f"expected no use of the network, got {event} {address!r}")


def pytest_configure() -> None:
    # An audit hook also sees what C code does through the socket module; it is for the process.
    sys.addaudithook(_refuse_network)
    reading.tells = True


def _is_kept_in_view(thread: threading.Thread) -> bool:
    """Other libraries start daemon threads as they like; of ours, none may be left."""
    return not thread.daemon or thread.name.startswith("collapse-doctor")


def process_state() -> dict[str, object]:
    """What a diagnosis must not leave changed, by a name that explains a failure."""
    state: dict[str, object] = {
        "torch function modes": torch._C._len_torch_function_stack(),
        "torch dispatch modes": torch._C._len_torch_dispatch_stack(),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "gradients enabled": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "anomaly detection": torch.is_anomaly_enabled(),
        "torch threads": torch.get_num_threads(),
        "numpy error handling": np.geterr(),
        "matplotlib settings": matplotlib.rcParams.copy(),  # dict() would load pyplot
        "trace function": sys.gettrace(),
        "profile function": sys.getprofile(),
        "signal handlers": {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)},
        "exception hook": sys.excepthook,
        "working folder": os.getcwd(),
        "threads": sorted(t.name for t in threading.enumerate() if _is_kept_in_view(t)),
    }
    state |= {name: len(getattr(nn_module, name)) for name in MODULE_HOOKS}
    state |= {name: len(getattr(optimizer, name)) for name in OPTIMIZER_HOOKS}
    return state


def random_state() -> dict[str, object]:
    """Where the global random number generators stand."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (kind, np.asarray(keys).tobytes(), *rest),
        "random": random.getstate(),
    }


def changes(before: dict[str, object], after: dict[str, object]) -> list[str]:
    return [
        f"{name}: {before[name]!r} became {after[name]!r}"
        for name in before
        if before[name] != after[name]
    ]


@pytest.fixture(autouse=True)
def leaves_no_trace() -> Iterator[None]:
    """Fail a test that leaves the process other than it was: a mode, a hook, a setting."""
    before = process_state()
    yield
    assert not changes(before, process_state()), "a test left the process changed"


@pytest.fixture
def draws_nothing() -> Iterator[None]:
    """Fail a test that moves a global random number generator: ask for it by name."""
    before = random_state()
    yield
    moved = [name for name, state in random_state().items() if state != before[name]]
    assert not moved, "a global random number generator was moved"
