"""Tables to write to files, and a way to catch the one line an error says."""

import numpy as np
import pytest
import torch

from collapse_doctor.errors import InputError


@pytest.fixture
def table():
    """(50, 8) float32 from a fixed seed."""
    return torch.from_numpy(np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32))


@pytest.fixture
def classes():
    """(50,) int64, 5 classes."""
    return torch.arange(50) % 5


@pytest.fixture
def refusal(capfd):
    """Call something that must raise InputError, and return its one line; nothing is printed."""

    def catch(call, *arguments, **keywords):
        def attempt():
            list(call(*arguments, **keywords).chunks())

        with pytest.raises(InputError) as caught:
            attempt()
        line = str(caught.value)
        assert "\n" not in line
        assert "expected " in line
        assert line.endswith(".")
        assert caught.value.remedy
        printed = capfd.readouterr()
        assert printed.out == printed.err == ""
        return line

    return catch


@pytest.fixture
def rows_of():
    """All rows of a source, joined."""
    return lambda source: torch.cat(list(source.chunks()))
