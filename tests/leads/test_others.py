"""The other codes: rows, columns, axes, terms, steps; each beside a look-alike without a lead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Follow = Callable[..., set[str]]

HINGE = "Nothing in the loss keeps different rows apart"
LOSS = """\
def loss(a, b):
    near = (a - b).norm()  # here
    far = a.std()
    return {sum}
loss(x, y).backward()
"""

FOUND: dict[str, tuple[str, str, str, str]] = {
    "a shallow copy": (
        "CD108",
        "def pair(net):\n    return net, copy.copy(net)\nloss = near(u, v)  # meets\n",
        "q and k are no separate networks: the second is a shallow copy of it",
        "return net, copy.copy(net)",
    ),
    "rows by argmin": (
        "CD104",
        "def mine(z):\n    near = torch.cdist(z, z).argmin(1)\n    return near\n"
        "z = net(x)\nrows = mine(z)\nloss = triplet(z, z[rows])  # here\n",
        "`z` and `z[rows]` are separate tensors",
        "near = torch.cdist(z, z).argmin(1)",
    ),
    "rows by one index": (
        "CD104",
        "i = j = torch.randint(9, (4,))\nloss = pair(z[i], z[j])  # here\n",
        "`a` and `b` are separate tensors",
        "i = j = torch.randint(9, (4,))",
    ),
    "rows by one seed": (
        "CD104",
        "g = RandomState(3)\nh = RandomState(3)\ni, j = g.pick(9), h.pick(9)\n"
        "loss = pair(z[i], z[j])  # here\n",
        "`z[i]` and `z[j]` are separate tensors",
        "h = RandomState(3)",
    ),
    "both of one call": (
        "CD105",
        "def two(h):\n    return h, h / h.norm()  # here\nu, v = two(net(x))\n"
        "c = cosine(u, v)  # meets\n",
        "Every row of `v` is a multiple of the same row of `u`",
        "u, v = two(net(x))",
    ),
    "one key under two names": (
        "CD101",
        "USE = {'left': 'a', 'right': 'a'}\nout = net(x)\n"
        "u, v = out[USE['left']], out[USE['right']]  # here\nc = cosine(u, v)  # meets\n",
        "`u` and `v` are the same tensor object",
        "USE = {'left': 'a', 'right': 'a'}",
    ),
    "a cache": (
        "CD106",
        "@lru_cache\ndef key(i):\n    return net(data[i])  # here\nloss = mse(net(x), key(3))\n",
        "",
        "@lru_cache",
    ),
    "a column of the data": (
        "CD205",
        "y = torch.tensor(table[['same']].values)\ndef loss(d, y):\n"
        "    return (d * y).mean()  # here\n"
        "loss(net(x), y)\n",
        "`d` (4,) and `y` (4, 1) broadcast",
        "y = torch.tensor(table[['same']].values)",
    ),
    "a head of one": (
        "CD205",
        "head = nn.Linear(9, 1)\nout = head(x)\nloss = (out - y).pow(2).mean()  # here\n",
        "`out` (4, 1) and `y` (4,) broadcast",
        "head = nn.Linear(9, 1)",
    ),
    "an axis of the settings": (
        "CD206",
        "cfg = dict(axis=0)\nz = F.normalize(net(x), dim=cfg['axis'])  # here\n",
        "",
        "cfg = dict(axis=0)",
    ),
    "a layer along the batch": (
        "CD206",
        "net = nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=0))\np = net(x)  # here\n",
        "",
        "net = nn.Sequential(nn.Linear(3, 3), nn.Softmax(dim=0))",
    ),
    "a temperature": (
        "CD207",
        "HEAT = 900.0\nlogits = a @ b.T / HEAT  # here\nloss = F.cross_entropy(logits, y)\n",
        "it is held within 0.001 of that whatever they are",
        "HEAT = 900.0",
    ),
    "a learning rate": (
        "CD207",
        "RATE = 0.5\nopt = torch.optim.Adam(net.parameters(), lr=RATE)\n"
        "loss = triplet(a, p, n)  # here\n",
        "when all embeddings are equal, as those of model are",
        "RATE = 0.5",
    ),
    "a weight of nought": (
        "CD208",
        "W = 0.0\n" + LOSS.format(sum="near + W * far"),
        HINGE,
        "W = 0.0",
    ),
    "weights in a row": (
        "CD208",
        "W = (1.0, 0.0)\n" + LOSS.format(sum="sum(w * t for w, t in zip(W, (near, far)))"),
        HINGE,
        "W = (1.0, 0.0)",
    ),
    "terms by name": (
        "CD208",
        "ACTIVE = ['near']\nloss = sum(TERMS[name](a, b) for name in ACTIVE)\n"
        "near = (a - b).norm()  # here\nloss.backward()\n",
        HINGE,
        "ACTIVE = ['near']",
    ),
    "a term of another": (
        "CD208",
        "terms = {}\nterms['far'] = a.std()\nterms['far'] = (a - b).norm()  # fault\n"
        "near = (a - b).norm()  # here\nloss = sum(terms.values())\nloss.backward()\n",
        HINGE,
        "terms['far'] = (a - b).norm()  # fault",
    ),
    "labels of one": (
        "CD208",
        "criterion = nn.CosineEmbeddingLoss()\nsame = torch.ones(9)\n"
        "loss = criterion(a, b, same)  # here\nloss.backward()\n",
        HINGE,
        "same = torch.ones(9)",
    ),
    "a rate of nought": (
        "CD202",
        "RATE = 1 // 100\nopt = torch.optim.SGD(net.parameters(), lr=RATE)  # here\n",
        "The learning rate of model is 0",
        "RATE = 1 // 100",
    ),
    "a norm of nought": (
        "CD202",
        "NORM = int(0.5)\nclip_grad_norm_(net.parameters(), NORM)  # here\n",
        "were exactly zero",
        "NORM = int(0.5)",
    ),
    "a step not taken": (
        "CD202",
        "opt = torch.optim.SGD(net.parameters(), lr=1)  # here\nfor i in range(9):\n"
        "    if i + 1 % 4 == 0:\n        opt.step()\n",
        "SGD holds the parameters of model and never stepped",
        "if i + 1 % 4 == 0:",
    ),
    "a head made late": (
        "CD202",
        "opt = torch.optim.SGD(net.parameters(), lr=1)  # here\nnet.fc = nn.Linear(3, 3)\n",
        "2 parameters are in no optimizer that steps: fc.weight, fc.bias.",
        "net.fc = nn.Linear(3, 3)",
    ),
    "chosen by a prefix": (
        "CD202",
        "KEEP = 'head'\nheld = [p for n, p in net.named_parameters() if n.startswith(KEEP)]\n"
        "opt = torch.optim.SGD(held, lr=1)  # here\n",
        "2 parameters are in no optimizer that steps: fc.weight, fc.bias.",
        "KEEP = 'head'",
    ),
    "frozen by a setting": (
        "CD202",
        "LEARN = False\nfor p in net.parameters():\n    p.requires_grad_(LEARN)\n"
        "opt = torch.optim.SGD(net.parameters(), lr=1)  # here\n",
        "none of its parameters requires a gradient",
        "LEARN = False",
    ),
    "cut by a setting": (
        "CD201",
        "CUT = True\ndef embed(x):\n    z = net(x)\n    return z.detach() if CUT else z\n"
        "loss = head(embed(x)).mean()  # here\n",
        "No gradient reaches model",
        "CUT = True",
    ),
    "a gain": (
        "CD204",
        "GAIN = 9.0\nnn.init.orthogonal_(layer.weight, gain=GAIN)  # here\n",
        "",
        "GAIN = 9.0",
    ),
    "computed in vain": (
        "CD209",
        "def forward(self, x):\n    new = 0.9 * self.scale + 0.1 * x.std()\n"
        "    s = self.scale  # here\n    return x / s\n",
        "",
        "new = 0.9 * self.scale + 0.1 * x.std()",
    ),
}

SILENT: dict[str, tuple[str, str, str]] = {
    "rows of the batch": (
        "CD104",
        "rows = torch.randperm(9)\nz = net(x[rows])  # here\n",
        "`a` and `z`",
    ),
    "no column in sight": (
        "CD205",
        "loss = (out - y).mean()  # here\n",
        "`out` (4, 1) and `y` (4,)",
    ),
    "an axis of the row": (
        "CD206",
        "cfg = dict(axis=1)\nz = F.normalize(net(x), dim=cfg['axis'])  # here\n",
        "",
    ),
    "weights of ones": ("CD208", "W = 1.0\nnear = W * (a - b).norm()  # here\n", HINGE),
    "labels with noughts": (
        "CD208",
        "y = torch.tensor([1, 0, 1])\nloss = (y * d).mean()\nloss.backward()  # here\n",
        HINGE,
    ),
    "copies of whole networks, and of a list": (
        "CD108",
        "key = copy.deepcopy(net)\nrest = names.copy()\nloss = near(u, v)  # meets\n",
        "q and k are no separate networks: the second is a shallow copy of it",
    ),
    "a noise that is no scale": (
        "CD207",
        "N = 0.3\ndef view(x):\n    return x + N * torch.randn(3)\n"
        "loss = ce(net(view(x)), y)  # here\n",
        "whatever they are",
    ),
    "a learning rate of a loss that compares a thing with itself": (
        "CD207",
        "opt = torch.optim.Adam(net.parameters(), lr=0.5)\nloss = triplet(a, a, n)  # here\n",
        "when all embeddings are equal, and what it compares here is one thing",
    ),
    "a learning rate of a loss that only pulls": (
        "CD207",
        "opt = torch.optim.Adam(net.parameters(), lr=0.5)\nloss = 1 - cosine(a, b)  # here\n",
        "a loss that only pulls together gives 0 when all embeddings are equal",
    ),
    "rolled along the batch": (
        "CD104",
        "def far(z):\n    return z.roll(1, 0)\nloss = pair(z, far(z))  # here\n",
        "`z` and `far(z)` are separate tensors",
    ),
    "a third operand": (
        "CD208",
        "far = torch.ones(9)\nwith open(x):\n    F.triplet_margin_loss(a, b, far)  # here\n",
        HINGE,
    ),
    "rounds of accumulation": (
        "CD207",
        "N = 4\nlogits = a @ b.T\nloss = F.cross_entropy(logits, y) / N  # here\nloss.backward()\n",
        "whatever they are",
    ),
    "data drawn once": (
        "CD104",
        "def draw():\n    g = torch.Generator().manual_seed(1)\n"
        "    return torch.randn(9, generator=g)\nx = draw()\nloss = pair(net(x), net(x))  # here\n",
        "`a` and `b` are separate tensors",
    ),
    "an epoch's step": (
        "CD202",
        "opt = torch.optim.SGD(net.parameters(), lr=1)  # here\nif epoch:\n    scheduler.step()\n",
        "SGD holds the parameters of model and never stepped",
    ),
    "streams of two seeds": (
        "CD104",
        "g = RandomState(3)\nh = RandomState(4)\nloss = pair(g, h)  # here\n",
        "`g` and `h` are separate tensors",
    ),
    "names that choose no terms": (
        "CD208",
        "K = ['a', 'b']\nnear = sum(out[k].norm() for k in K)  # here\nnear.backward()\n",
        HINGE,
    ),
    "another head": (
        "CD202",
        "opt = torch.optim.SGD(net.parameters(), lr=1)  # here\nother.body = nn.Linear(3, 3)\n",
        "2 parameters are in no optimizer that steps: fc.weight, fc.bias.",
    ),
    "a code that has none": ("CD301", "NOISE = 0.0\nz = NOISE * x  # here\n", ""),
}


@pytest.mark.parametrize("how", FOUND)
def test_the_line_behind_the_line_is_found(leads: Follow, how: str) -> None:
    code, text, message, line = FOUND[how]
    assert line in leads(code, text, message)


@pytest.mark.parametrize("how", SILENT)
def test_what_leads_nowhere_is_not_told(leads: Follow, how: str) -> None:
    code, text, message = SILENT[how]
    assert not leads(code, text, message)
