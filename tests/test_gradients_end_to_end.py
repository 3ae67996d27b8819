"""Programs whose gradient ends, fades or grows, and look-alikes: found with their lines, or not."""

from __future__ import annotations

import runpy

import numpy as np
import pytest
import torch

from benchmarks.collection import PROGRAMS, read
from collapse_doctor.findings import Diagnosis, Severity
from tests.small_trainings import one_thread

SICK = sorted(path.stem for path in (PROGRAMS / "sick" / "gradients").glob("*.py"))
HEALTHY = sorted(path.stem for path in (PROGRAMS / "innocent" / "gradients").glob("*.py"))


def run(path: str, seed: int = 0) -> Diagnosis:
    torch.manual_seed(seed)
    np.random.seed(seed)
    with one_thread():
        found = runpy.run_path(str(PROGRAMS / path))["diagnosis"]
    assert isinstance(found, Diagnosis)
    return found


@pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad=True")
@pytest.mark.parametrize("name", SICK)
def test_it_is_named_with_its_line(name: str) -> None:
    program = read(PROGRAMS / "sick" / "gradients" / f"{name}.py", PROGRAMS)
    found = [
        one
        for one in run(f"sick/gradients/{name}.py").findings
        if one.severity is not Severity.INFO
    ]
    first = next(one for one in found if one.code == program.cause)
    assert first.where.line in program.faults | program.shows
    if program.first is not None:
        assert first.where.step is not None
        assert abs(first.where.step - program.first) <= 2


@pytest.mark.parametrize("name", HEALTHY)
def test_look_alikes_stay_silent(name: str) -> None:
    found = run(f"innocent/gradients/{name}.py")
    assert not [one for one in found.findings if one.severity is not Severity.INFO]
