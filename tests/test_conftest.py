from __future__ import annotations

import socket
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = Path(__file__).with_name("conftest.py")

LEAKS = {
    "function_mode": "torch.overrides.BaseTorchFunctionMode().__enter__()",
    "optimizer_hook": "optimizer.register_optimizer_step_post_hook(print)",
    "module_hook": "torch.nn.modules.module.register_module_forward_hook(print)",
    "default_dtype": "torch.set_default_dtype(torch.float64)",
    "gradients": "torch.set_grad_enabled(False)",
    "matplotlib": "matplotlib.rcParams['svg.fonttype'] = 'none'",
    "own_thread": (
        "threading.Thread(target=time.sleep, args=(60,), name='collapse-doctor', daemon=True)"
        ".start()"
    ),
    "signal": "signal.signal(signal.SIGTERM, lambda *_: None)",
}
DRAWS = {"torch": "torch.rand(1)", "numpy": "numpy.random.rand()", "random": "random.random()"}
HARMLESS = "torch.rand(1, generator=torch.Generator())"


def test_each_leak_and_each_draw_is_caught(pytester: pytest.Pytester) -> None:
    lines = ["import matplotlib, numpy, random, signal, threading, time, torch"]
    lines += ["from torch.optim import optimizer"]
    lines += [f"def test_leak_{name}(): {code}" for name, code in LEAKS.items()]
    lines += [f"def test_draw_{name}(draws_nothing): {code}" for name, code in DRAWS.items()]
    lines += [f"def test_harmless(draws_nothing): {HARMLESS}"]
    pytester.makeconftest(CONFTEST.read_text())
    pytester.makepyfile("\n".join(lines))

    result = pytester.runpytest_subprocess("-p", "no:cacheprovider")

    caught = len(LEAKS) + len(DRAWS)
    result.assert_outcomes(passed=caught + 1, errors=caught)
    for name in [*(f"leak_{leak}" for leak in LEAKS), *(f"draw_{draw}" for draw in DRAWS)]:
        result.stdout.fnmatch_lines([f"ERROR *::test_{name} *"])


@pytest.mark.parametrize("host", ["192.0.2.1", "example.invalid"])
def test_the_network_is_out_of_reach(host: str) -> None:
    with pytest.raises(RuntimeError, match="no use of the network"):
        socket.create_connection((host, 80), timeout=1)


def test_a_datagram_does_not_leave_either() -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock,
        pytest.raises(RuntimeError, match="no use of the network"),
    ):
        sock.sendto(b"", ("192.0.2.1", 9))


def test_this_machine_is_within_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname(), timeout=5).close()
