"""CD107: what made two views one is found wherever the source says it, and nothing else is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from collapse_doctor.findings import Confidence, Finding, Severity, Where
from collapse_doctor.leads.telling import MOST, led

Follow = Callable[..., set[str]]

NOISE = "def view(x):\n    return x + {strength} * torch.randn_like(x)\n\n\n"
TWICE = "a, b = net(view(x)), net(view(x))  # here\n"

SETTINGS = {
    "a name": ("NOISE = 0.0\n", "NOISE"),
    "a key": ('config = {"noise": 0.0, "rate": 1e-3}\n', 'config["noise"]'),
    "a word of dict": ("config = dict(noise=0.0, rate=1e-3)\n", 'config["noise"]'),
    "a namespace": ("cfg = SimpleNamespace(noise=0.0)\n", "cfg.noise"),
    "a key with a default": ('config = {"noise": 0}\n', 'config.get("noise", 0.0)'),
    "an option": ('p.add_argument("--noise", type=float, default=0.0)\n', "args.noise"),
    "a field": ("@dataclass\nclass Config:\n    noise: float = 0.0\n", "Config().noise"),
    "a text": ('TEXT = """\n{"noise": 0.0,\n "rate": 1}\n"""\n', "json.loads(TEXT)['noise']"),
    "one less one": ("LAM = 1.0\n", "(1 - LAM)"),
}


@pytest.mark.parametrize("how", SETTINGS)
def test_noise_of_nought_is_found_where_it_is_set(leads: Follow, how: str) -> None:
    set_at, strength = SETTINGS[how]
    found = leads("CD107", set_at + NOISE.format(strength=strength) + TWICE)
    told = next(line.strip() for line in set_at.splitlines() if "0" in line)
    assert found == {told, f"return x + {strength} * torch.randn_like(x)"}


@pytest.mark.parametrize("how", SETTINGS)
def test_noise_of_a_tenth_is_no_lead(leads: Follow, how: str) -> None:
    set_at, strength = SETTINGS[how]
    set_at = set_at.replace("1.0", "0.9").replace("0.0", "0.1").replace(" 0}", " 0.1}")
    strength = strength.replace("0.0", "0.1")
    assert not leads("CD107", set_at + NOISE.format(strength=strength) + TWICE)


CHANGED = {
    "counted up": "NOISE = 0.0\nNOISE += 0.1\n",
    "set anew": "NOISE = 0.0\nNOISE = 0.3\n",
    "of the environment": "import os\n",
}


@pytest.mark.parametrize("how", CHANGED)
def test_what_is_no_setting_is_no_lead(leads: Follow, how: str) -> None:
    outside = 'float(os.environ.get("NOISE", 0.0))'
    strength = outside if how == "of the environment" else "NOISE"
    assert not leads("CD107", CHANGED[how] + NOISE.format(strength=strength) + TWICE)


def test_a_name_that_is_given_another_value_further_down_is_no_lead(leads: Follow) -> None:
    line = "net(x + NOISE * rand(3))"
    text = f"NOISE = 0.0\nfor i in range(9):\n    a, b = {line}, {line}  # here\n"
    assert leads("CD107", text) == {"NOISE = 0.0"}
    assert not leads("CD107", text + "    NOISE = 0.3\n")


def test_what_another_file_passes_is_not_guessed(leads: Follow) -> None:
    text = (
        "def view(net, x, noise=0.0):\n    a = x + noise * torch.randn(3)\n"
        "    return net(a)  # here\n"
    )
    assert not leads("CD107", text)


SEEDED = """\
def view(x, seed={seed}):
    g = torch.Generator().manual_seed(seed)
    return x + torch.randn(x.shape, generator=g)


"""
FAULTS = {
    "seeded": (SEEDED.format(seed=3) + TWICE, "g = torch.Generator().manual_seed(seed)"),
    "given back": (
        "def view(x):\n    y = x.flip(1)\n    del y\n    return x\n" + TWICE,
        "return x",
    ),
    "lost": (
        "def view(x):\n    x.add(torch.randn(3))\n    return x\n" + TWICE,
        "x.add(torch.randn(3))",
    ),
    "either": (
        "def view(x):\n    return torch.where(torch.rand(3) < 0.5, x, x)\n" + TWICE,
        "return torch.where(torch.rand(3) < 0.5, x, x)",
    ),
    "one to choose from": (
        "def view(x):\n    k = random.randrange(1)\n    return x[k:]\n" + TWICE,
        "k = random.randrange(1)",
    ),
    "all kept": (
        "KEEP = 1.0\ndef view(x):\n    return x * (torch.rand(3) < KEEP)\n" + TWICE,
        "KEEP = 1.0",
    ),
    "a coin of one side": (
        "KEEP = 1.0\ndef view(x):\n    return x * torch.bernoulli(torch.full_like(x, KEEP))\n"
        + TWICE,
        "KEEP = 1.0",
    ),
    "a flag": (
        "JITTER = False\ndef view(x):\n    if JITTER:\n        x = x + 1\n    return x\n" + TWICE,
        "JITTER = False",
    ),
    "a partial": (
        "def blur(x, by):\n    return x + by * torch.rand(3)\nview = partial(blur, by=0.0)\n"
        + TWICE,
        "view = partial(blur, by=0.0)",
    ),
    "one column": (
        "def rows(batch):\n    q = enc(batch, 'q')\n    k = enc(batch, 'q')\n    return q, k\n"
        "for q, k in DataLoader(data, collate_fn=rows):\n    a, b = net(q), net(k)  # here\n",
        "k = enc(batch, 'q')",
    ),
    "no dropout": (
        "P = 0.0\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        self.drop = nn.Dropout(P)\n"
        "    def forward(self, x):\n        return self.drop(x)\nnet = Net()\n"
        "a, b = net(x), net(x)  # here\n",
        "P = 0.0",
    ),
    "equal settings": (
        "AT = {'one': 4, 'two': 4}\nstarts = AT['one'], AT['two']\n"
        "q, k = [x[:, s:] for s in starts]\na, b = net(q), net(k)  # here\n",
        "AT = {'one': 4, 'two': 4}",
    ),
    "one thing twice": (
        "def loss(u, v):\n    a, b = net(u), net(v)  # here\n    return (a - b).norm()\n"
        "total = loss(x, x)\n",
        "total = loss(x, x)",
    ),
}


@pytest.mark.parametrize("how", FAULTS)
def test_what_makes_two_views_one_is_found(leads: Follow, how: str) -> None:
    text, line = FAULTS[how]
    assert line in leads("CD107", text)


def test_two_views_that_differ_have_no_lead(leads: Follow) -> None:
    text = "def view(x, p=0.2):\n    return x * (torch.rand(3) < p)\n" + TWICE
    assert not leads("CD107", text)


def test_seeds_that_differ_are_not_said_to_be_one(leads: Follow, tmp_path: Path) -> None:
    text = SEEDED.format(seed=3) + "a, b = net(view(x, i)), net(view(x, i + 1))  # here\n"
    leads("CD107", text)
    last = text.splitlines()[-1]
    where = Where("m", "output", 0, str(tmp_path / "training.py"), text.count("\n"), last)
    finding = Finding("CD107", "", Severity.ERROR, Confidence.HIGH, "", where)
    assert [one.note for one in led(finding).related] == ["the random numbers are seeded here"]


EVAL = """\
def validate(net):
    net.eval()
    return net(x)


def test(model):
    model.eval()
    score = model(x)
    model.train()
    return score


a, b = net(x), net(x)  # here
"""


def test_eval_that_is_not_taken_back_is_found(leads: Follow) -> None:
    assert leads("CD107", EVAL, "two forward passes in eval mode") == {"net.eval()"}
    assert not leads("CD107", EVAL, "two forward passes")


def test_a_file_that_has_changed_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    path.write_text("NOISE = 0.0\n" + NOISE.format(strength="NOISE") + TWICE, encoding="utf-8")
    where = Where("m", "output", 0, str(path), 6, TWICE.strip())
    finding = Finding("CD107", "", Severity.ERROR, Confidence.HIGH, "", where)
    assert 0 < len(led(finding).related) <= MOST
    for source in ("x", "", None):
        place = Where("m", "output", 0, str(path), 6, source)
        other = Finding("CD107", "", Severity.ERROR, Confidence.HIGH, "", place)
        assert led(other) == other
    gone = Finding("CD107", "", Severity.ERROR, Confidence.HIGH, "", Where(file="/gone.py", line=6))
    assert led(gone) == gone


def test_source_that_reads_strangely_leaves_the_finding_as_it_is(leads: Follow) -> None:
    assert not leads(
        "CD107", "a, b = (lambda *v, **w: net(*v, **w))(*x, **{'y': x}), net(x)  # here\n"
    )
    assert not leads("CD107", "view = view\na, b = net(view(x)), net(view(x))  # here\n")
