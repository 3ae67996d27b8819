"""Whether a write into an alias is meant for the alias alone is read where it stands."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from collapse_doctor.inspector.source.apart import is_thought_apart
from collapse_doctor.recording.observations import CallSite

APART = {
    "named, and used": "p = z.detach()\np.sub_(1)  # here\nkeep(p)",
    "augmented, and used": "p = z.data\np -= p.mean(0)  # here\nkeep(p)",
    "elements": "p = z.data\np[p > 1] = 0  # here\nkeep(p)",
    "a result with a name": "p = z.detach().sub_(1)  # here",
    "a result passed on": "kept.append(z.data.sub_(1))  # here",
    "a result returned": "def f(z):\n    return z.detach().sub_(1)  # here",
    "an attribute": "self.p = z.detach()\nself.p -= 1  # here",
    "one of a store": "store['p'] = z.detach()\nstore['p'] -= 1  # here",
    "told so": "p = z.data\nF.relu(p, inplace=True)  # here\nkeep(p)",
    "gone through": "for p in kept:\n    p -= p.mean(0)  # here",
}
MEANT = {
    "nameless": "z.data.clamp_(-1, 1)  # here",
    "nameless elements": "z.detach()[0] = 1  # here",
    "nameless, divided": "z.data /= 2  # here",
    "named for writing": "p = z.data\np.clamp_(-1, 1)  # here\np.mul_(2)",
    "says so": "def clip_(z):\n    p = z.data\n    p.clamp_(-1, 1)  # here\n    return p",
    "kept nowhere": "_ = z.data.clamp_(-1, 1)  # here",
    "put back": "z.data = z.data.clamp_(-1, 1)  # here",
    "several in turn": "for p in (a.data, b.data):\n    p.clamp_(-1, 1)  # here",
    "a hook": "net.register_forward_hook(lambda m, i, o: o.data.clamp_(-1, 1))  # here",
    "a function of torch": "torch.relu_(z.data)  # here",
}


@pytest.mark.parametrize("name", [*APART, *MEANT])
def test_what_is_thought_apart(name: str, tmp_path: Path) -> None:
    source = textwrap.dedent({**APART, **MEANT}[name])
    file = tmp_path / "train.py"
    file.write_text(source, encoding="utf-8")
    line = next(n for n, text in enumerate(source.splitlines(), 1) if "# here" in text)
    assert is_thought_apart(CallSite(str(file), line)) is (name in APART)


def test_without_source_nothing_is_said() -> None:
    assert not is_thought_apart(CallSite("<nowhere>", 3))
