"""Hand-made observations, and a way to write the recordings of other processes."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

from collapse_doctor.recording.observations import (
    Activation,
    AlongBatch,
    CallSite,
    Comparison,
    Cost,
    Labels,
    LayerInfo,
    Loss,
    Manifest,
    Measure,
    ModelInfo,
    Notice,
    Objective,
    Operand,
    Origin,
    Party,
    Pull,
    Relation,
    Snapshot,
    Spread,
    Tick,
    Use,
)


class Make:
    """Builds one observation of every kind."""

    @staticmethod
    def manifest(layer="encoder"):
        layers = (LayerInfo(layer, "Linear", "output", 0),)
        return Manifest(1, "2026-01-01T00:00:00Z", {"torch": "2"}, (ModelInfo("", "N", 9, layers),))

    @staticmethod
    def measure(step=0, layer="encoder", **values):
        values = values or {"effective_rank": 7.25}
        return Measure(step, step, "", layer, 64, 128, "float32", True, values)

    @staticmethod
    def comparison(step=0, line=38, kinds=("same-object",), similarity=1.0):
        side = Operand("a", (64, 128), "float32", True, Origin("", "encoder", step, 0, ("clone",)))
        relations = tuple(Relation(kind, 0, 1, cosine=1.0) for kind in kinds)
        site = CallSite("train.py", line, "main", "F.cosine_similarity(a, b)")
        births = (CallSite("train.py", 37),)
        name = "cosine_similarity"
        return Comparison(step, 0, name, True, site, (side, side), relations, births, similarity)

    @staticmethod
    def objective(step=0, value=0.5):
        sides = Party("", "encoder"), Party("", "encoder", heads=2, cut=True)
        pulls = (Pull(*sides, CallSite("train.py", 38)),)
        outputs = (("", "encoder"),)
        return Objective(step, 0, value, 0.0, "a loss", "ln(2)", outputs, pulls, ("a norm",))

    @staticmethod
    def snapshot(step=0, layer="encoder", rows=8, width=4):
        return Snapshot(step, "", layer, rows, width)

    @staticmethod
    def rows(step=0, rows=8, width=4):
        return np.random.default_rng(step).normal(size=(rows, width)).astype(np.float32)

    @staticmethod
    def activation(step=0, stuck=0.5):
        site = CallSite("net.py", 12, "Net.forward", "x = F.relu(self.fc(x))")
        return Activation(step, 0, "", "fc", 1, "relu", 128, 64, stuck, 0.75, read=True, site=site)

    @staticmethod
    def spread():
        site = CallSite("train.py", 40, "main", "loss = (y * d).mean()")
        sides = Operand("y", (8, 1), "float32", False), Operand("d", (8,), "float32", True)
        return Spread(0, 1, "mul", "outer", site, sides, (8, 8), site, labels=True)

    @staticmethod
    def along_batch():
        site = CallSite("train.py", 41, "main", "z = F.normalize(z, dim=0)")
        side = Operand("z", (8, 4), "float32", True, Origin("", "encoder", 0, 0))
        return AlongBatch(0, 1, "normalize", "normalized", site, side, site, (1.0, 1.0), (0.5, 2.0))

    def one_of_each(self):
        return [
            self.measure(),
            self.comparison(),
            Labels(0, 64, 10, 64),
            Loss(0, 0.5),
            self.objective(),
            Notice("encoder", "pooled over tokens"),
            Use("", "encoder", "compared"),
            Tick(1, 1, "optimizer", ended=True),
            Cost(1, 220.0, 0.88, 0.005, limited=True),
            self.spread(),
            self.along_batch(),
            self.activation(),
        ]


@pytest.fixture
def make():
    return Make()


@pytest.fixture
def in_process():
    """Run Python code in a process of its own and return the finished process."""

    def run(code, *arguments, check=True):
        command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=60)

    return run
