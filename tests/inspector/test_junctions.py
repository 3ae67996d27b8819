"""The line to change, where it stands in another function than the comparison."""

from __future__ import annotations

import runpy
import textwrap
from pathlib import Path

import pytest

_HEAD = """
    import collections
    import contextlib
    import functools
    import itertools
    from collections import namedtuple
    from typing import NamedTuple
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch import nn
    from torch.utils.data import DataLoader, Dataset
    from collapse_doctor import Inspector

    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8))
    sgd = torch.optim.SGD(net.parameters(), lr=0.1)

    def learn(loss):
        sgd.zero_grad()
        loss.backward()
        sgd.step()
"""

_PROGRAMS = {
    "a record returned by a function": (
        "CD101",
        """
        class Views(NamedTuple):
            left: torch.Tensor
            right: torch.Tensor

        def embed(a, b):
            u, v = net(a), net(b)
            return Views(u, u)  # fault

        with Inspector(net) as inspector:
            for _ in range(12):
                views = embed(torch.randn(16, 6), torch.randn(16, 6))
                learn(1 - F.cosine_similarity(views.left, views.right).mean())
        """,
    ),
    "a dictionary handed on through two functions": (
        "CD101",
        """
        class Towers(nn.Module):
            def __init__(self):
                super().__init__()
                self.tower = net

            def forward(self, a, b):
                u, v = self.tower(a), self.tower(b)
                found = {"text": u, "image": u}  # fault
                return found

        def objective(found):
            return apart(found["text"], found["image"])

        def apart(one, other):
            return F.mse_loss(one, other)

        towers = Towers()
        with Inspector(towers) as inspector:
            for _ in range(12):
                learn(objective(towers(torch.randn(16, 6), torch.randn(16, 6))))
        """,
    ),
    "one thing passed twice to a function that cuts": (
        "CD103",
        """
        def term(p, z):
            z = z.detach()
            return -F.cosine_similarity(p, z).mean()

        def total(one, other):
            return term(one, one) + term(other, one)  # fault

        with Inspector(net) as inspector:
            for _ in range(12):
                learn(total(net(torch.randn(16, 6)), net(torch.randn(16, 6))))
        """,
    ),
    "a record made by a class method and mapped": (
        "CD107",
        """
        class Views(NamedTuple):
            anchor: torch.Tensor
            positive: torch.Tensor

            @classmethod
            def of(cls, x):
                view = x + torch.randn_like(x)
                return cls(anchor=view, positive=view)  # fault

            def map(self, function):
                return function(self.anchor), function(self.positive)

        with Inspector(net) as inspector:
            for _ in range(12):
                one, other = Views.of(torch.randn(16, 6)).map(net)
                learn(F.mse_loss(one, other))
        """,
    ),
    "a generator asked by a generator": (
        "CD107",
        """
        def crops(x):
            crop = x + torch.randn_like(x)
            for _ in range(2):
                yield crop  # fault

        def embedded(views):
            for view in views:
                yield net(view)

        with Inspector(net) as inspector:
            for _ in range(12):
                one, other = embedded(crops(torch.randn(16, 6)))
                learn(F.mse_loss(one, other))
        """,
    ),
    "a decorator of the file that remembers": (
        "CD101",
        """
        def once(function):
            seen = {}

            def wrapper(step, x):
                if step not in seen:
                    seen[step] = function(step, x)
                return seen[step]  # fault

            return wrapper

        @once
        def embed(step, x):
            return net(x)

        with Inspector(net) as inspector:
            for step in range(12):
                one, other = embed(step, torch.randn(16, 6)), embed(step, torch.randn(16, 6))
                learn(F.mse_loss(one, other))
        """,
    ),
    "a cache of the standard library": (
        "CD106",
        """
        rows = torch.randn(4, 16, 6)

        @functools.lru_cache(maxsize=8)  # fault
        def target(index):
            with torch.no_grad():
                return net(rows[index] + torch.randn(16, 6))

        with Inspector(net) as inspector:
            for step in range(24):
                z = net(torch.randn(16, 6))
                learn(F.mse_loss(z, target(step % 4)))
        """,
    ),
    "arguments passed on as stars": (
        "CD101",
        """
        def timed(function, *args, **words):
            return function(*args, **words)

        def agreement(*views):
            return timed(F.mse_loss, *views, reduction="mean")

        with Inspector(net) as inspector:
            for _ in range(12):
                z = net(torch.randn(16, 6))
                learn(agreement(z, z))  # fault
        """,
    ),
    "lambdas that look their name up too late": (
        "CD101",
        """
        def lazily(*inputs):
            return [lambda: z for z in map(net, inputs)]  # fault

        with Inspector(net) as inspector:
            for _ in range(12):
                one, other = lazily(torch.randn(16, 6), torch.randn(16, 6))
                learn(F.mse_loss(one(), other()))
        """,
    ),
    "a field replaced by another": (
        "CD101",
        """
        class Pair(NamedTuple):
            prediction: torch.Tensor
            target: torch.Tensor

        with Inspector(net) as inspector:
            for _ in range(12):
                pair = Pair(net(torch.randn(16, 6)), net(torch.randn(16, 6)))
                pair = pair._replace(target=pair.prediction)  # fault
                learn(F.mse_loss(*pair))
        """,
    ),
    "a list added to, and its neighbours": (
        "CD101",
        """
        with Inspector(net) as inspector:
            for _ in range(12):
                z = net(torch.randn(16, 6))
                chain = [z]
                chain += [z]  # fault
                learn(sum(F.mse_loss(a, b) for a, b in itertools.pairwise(chain)))
        """,
    ),
    "names given by zip": (
        "CD101",
        """
        NAMES = ("query", "key")
        with Inspector(net) as inspector:
            for _ in range(12):
                found = [net(torch.randn(16, 6))] * len(NAMES)  # fault
                out = dict(zip(NAMES, found))
                learn(F.mse_loss(out["query"], out["key"]))
        """,
    ),
    "an autograd function of one's own": (
        "CD101",
        """
        class Distance(torch.autograd.Function):
            @staticmethod
            def forward(ctx, left, right):
                ctx.save_for_backward(left - right)
                return (left - right).square().sum(1).mean()

            @staticmethod
            def backward(ctx, grad):
                return grad * ctx.saved_tensors[0], -grad * ctx.saved_tensors[0]

        with Inspector(net) as inspector:
            for _ in range(12):
                z = net(torch.randn(16, 6))
                learn(Distance.apply(z, z))  # fault
        """,
    ),
    "a helper that cuts what it is given": (
        "CD103",
        """
        def array_of(tensor):
            return np.array(tensor.detach().tolist(), dtype=np.float32)

        with Inspector(net) as inspector:
            for _ in range(12):
                z = net(torch.randn(16, 6))
                soft = torch.tensor(array_of(z))  # fault
                learn(F.mse_loss(z, soft))
        """,
    ),
    "the wrong end of a store": (
        "CD106",
        """
        past = collections.deque(maxlen=2)
        with Inspector(net) as inspector:
            for _ in range(12):
                z = net(torch.randn(16, 6))
                past.append(z.detach())
                target = past[0]  # fault
                learn(F.mse_loss(net(torch.randn(16, 6)), target))
        """,
    ),
    "a store that is filled before it is read": (
        "CD103",
        """
        class Store:
            def __init__(self):
                self.table = torch.zeros(64, 8)

            def put(self, places, rows):
                self.table[places] = rows.detach()

            def get(self, which):
                return self.table[which]

        store = Store()
        with Inspector(net) as inspector:
            for _ in range(12):
                places = torch.randperm(64)[:16]
                z = net(torch.randn(16, 6))
                store.put(places, z)  # fault
                old = store.get(places)
                learn(F.mse_loss(z, old))
        """,
    ),
    "two names of one field, of which one is scaled where they meet": (
        "CD101",
        """
        Out = namedtuple("Out", "image text scale")

        with Inspector(net) as inspector:
            scale = nn.Parameter(torch.tensor(10.0))
            for _ in range(12):
                out = Out(net(torch.randn(16, 6)), net(torch.randn(16, 6)), scale)
                image, text = out.image, out.image  # fault
                logits = out.scale * image @ text.t()
                learn(F.cross_entropy(logits, torch.arange(16)))
        """,
    ),
    "two sums of which one term has come to nought": (
        "CD105",
        """
        class Paths(nn.Module):
            def __init__(self):
                super().__init__()
                self.stem, self.branch = net, nn.Linear(8, 8)

            def forward(self, x, weight):
                z = self.stem(x)
                return z, 0.7 * z + weight * self.branch(z)  # fault

        def pull(a, b):
            positive = F.cosine_similarity(a, b)
            return ((a @ b.t()).logsumexp(1) - positive).mean()

        paths = Paths()
        with Inspector(paths) as inspector:
            for _ in range(12):
                one, other = paths(torch.randn(16, 6), torch.zeros(()))
                learn(pull(one, other))
        """,
    ),
    "two outputs of one pass that are equal, normalised alike": (
        "CD104",
        """
        gru = nn.GRU(6, 8, batch_first=True)
        sgd.add_param_group({"params": gru.parameters()})

        def contrast(local, whole):
            local, whole = F.normalize(local, dim=1), F.normalize(whole, dim=1)
            positive = (local * whole).sum(1)
            return ((local @ whole.t()).logsumexp(1) - positive).mean()

        with Inspector(gru) as inspector:
            for _ in range(12):
                states, last = gru(torch.randn(16, 5, 6))
                local = states[:, -1]  # fault
                learn(contrast(local, last[-1]))
        """,
    ),
    "an entry of a cache that is taken out again": (
        "CD103",
        """
        class Cached(nn.Module):
            def __init__(self):
                super().__init__()
                self.net, self.cache = net, {}

            def forward(self, x, key):
                z = self.net(x)
                self.cache[key] = z.detach()  # fault
                return z, self.cache.pop(key)

        class Pull(nn.Module):
            def forward(self, left, right):
                return F.mse_loss(left, right)

        model, pull = Cached(), Pull()
        with Inspector(model) as inspector:
            for step in range(12):
                learn(pull(*model(torch.randn(16, 6), step)))
        """,
    ),
    "an entry of a cache that is looked up": (
        "CD104",
        """
        held = {}

        def remember(key, z):
            held[key] = z.clone()  # fault
            return z

        with Inspector(net) as inspector:
            for step in range(12):
                z = remember(step, net(torch.randn(16, 6)))
                learn(F.mse_loss(z, held.get(step)))
        """,
    ),
    "a default that comes out of a function": (
        "CD101",
        """
        cache = {}

        def partner(key, fallback):
            found = cache.get(key, fallback)  # fault
            return found

        with Inspector(net) as inspector:
            for step in range(12):
                anchor = net(torch.randn(16, 6))
                learn(F.pairwise_distance(anchor, partner(step, anchor)).mean())
        """,
    ),
    "a generator that lends one thing twice": (
        "CD101",
        """
        def batches():
            for _ in range(12):
                z = net(torch.randn(16, 6))
                yield z, z  # fault

        with Inspector(net) as inspector:
            for first, second in batches():
                learn(F.smooth_l1_loss(first, second))
        """,
    ),
    "a data set that copies its view": (
        "CD107",
        """
        class Pairs(Dataset):
            def __init__(self, rows):
                self.rows = rows

            def __len__(self):
                return len(self.rows)

            def __getitem__(self, place):
                one = self.rows[place] + torch.randn(6)
                other = one.clone()  # fault
                return {"one": one, "other": other}

        loader = DataLoader(Pairs(torch.randn(192, 6)), batch_size=16)
        with Inspector(net) as inspector:
            for batch in loader:
                one, other = batch["one"], batch["other"]
                learn(F.mse_loss(net(one), net(other)) + net(one).var())
        """,
    ),
    "an augmentation in place": (
        "CD107",
        """
        def noisy(x):
            x += torch.randn_like(x)
            return x.mul_(2)  # fault

        def loss_of(a, b):
            u, v = net(a), net(b)
            return F.mse_loss(u, v) + u.var()

        with Inspector(net) as inspector:
            for _ in range(12):
                x = torch.randn(16, 6)
                learn(loss_of(noisy(x), noisy(x)))
        """,
    ),
    "views stacked before the loss": (
        "CD104",
        """
        class Contrast(nn.Module):
            def forward(self, views):
                flat = torch.cat(torch.unbind(views, dim=1))
                logits = flat @ flat.T / 0.5
                return -(logits.diagonal(16) - logits.logsumexp(1)[:16]).mean()

        contrast = Contrast()
        with Inspector(net) as inspector:
            for _ in range(12):
                z = F.normalize(net(torch.randn(16, 6)), dim=1)
                both = torch.stack([z, z], dim=1)  # fault
                learn(contrast(both))
        """,
    ),
    "a network copied anew": (
        "CD103",
        """
        import copy

        with Inspector(net) as inspector:
            for _ in range(12):
                x = torch.randn(16, 6)
                frozen = copy.deepcopy(net)  # fault
                with torch.no_grad():
                    target = frozen(x)
                z = net(x)
                learn(F.mse_loss(z, target) + z.var())
        """,
    ),
    "a partial function that holds the other operand": (
        "CD101",
        """
        import functools

        with Inspector(net) as inspector:
            for _ in range(12):
                query = net(torch.randn(16, 6))
                match = functools.partial(F.cosine_similarity, query)
                other = query  # fault
                learn(1 - match(other).mean())
        """,
    ),
    "a function that writes into what it is given": (
        "CD107",
        """
        def noisy(batch, strength=0.1):
            noise = strength * torch.randn_like(batch)
            batch += noise  # fault
            return batch

        with Inspector(net) as inspector:
            for _ in range(12):
                x = torch.randn(16, 6)
                one = noisy(x)
                two = noisy(x)
                learn(F.mse_loss(net(one), net(two)))
        """,
    ),
    "a function that writes by an index, and by a method": (
        "CD107",
        """
        def masked(batch):
            batch.mul_(2)
            batch[torch.rand(batch.shape) < 0.2] = 0  # fault
            return batch

        with Inspector(net) as inspector:
            for _ in range(12):
                x = torch.randn(16, 6)
                one = masked(x)
                two = masked(x)
                learn(F.cross_entropy(net(one) @ net(two).T, torch.arange(16)))
        """,
    ),
}


@pytest.mark.parametrize("name", _PROGRAMS)
def test_the_line_to_change_is_named(name: str, tmp_path: Path) -> None:
    code, body = _PROGRAMS[name]
    text = textwrap.dedent(_HEAD) + textwrap.dedent(body) + "\ndiagnosis = inspector.diagnose()\n"
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    diagnosis = runpy.run_path(str(path))["diagnosis"]
    found = [finding for finding in diagnosis.findings if finding.code == code]
    wanted = next(n for n, line in enumerate(text.splitlines(), 1) if line.endswith("# fault"))
    assert [finding.where.line for finding in found][:1] == [wanted]


def test_an_evaluation_may_write_one_expression_on_both_sides(tmp_path: Path) -> None:
    body = """
        with Inspector(net) as inspector:
            for _ in range(12):
                z = net(torch.randn(16, 6))
                with torch.no_grad():
                    own = F.cosine_similarity(z.detach(), z.detach())
                learn(F.cross_entropy(z, torch.randint(0, 8, (16,))))
        """
    text = textwrap.dedent(_HEAD) + textwrap.dedent(body) + "\ndiagnosis = inspector.diagnose()\n"
    path = tmp_path / "program.py"
    path.write_text(text, encoding="utf-8")
    diagnosis = runpy.run_path(str(path))["diagnosis"]
    assert "CD101" not in {finding.code for finding in diagnosis.findings}
