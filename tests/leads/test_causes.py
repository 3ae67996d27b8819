"""The line to change is the one that explains what was found, and no line that only has a part."""

from __future__ import annotations

import linecache
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from collapse_doctor.findings import Severity, Where
from collapse_doctor.leads.telling import led
from tests.leads.conftest import finding_at

Follow = Callable[..., str | None]

OVER_EQUAL = "`a` and `b` come from two forward passes over equal inputs when mse compares them."
IN_EVAL = "`a` and `b` come from two forward passes in eval mode over one input"
NEVER = "Adam holds the parameters of model and never stepped"
HELD = "No optimizer that steps holds any parameter of head, and none moved"
SAME = "`first['z']` and `second['z']` are the same tensor object when mse_loss compares them"
MULTIPLE = "Every row of `b` is a multiple of the same row of `a` when cosine_similarity compares"
OLD = "`target` is what the model put out in steps 0 to 5 whenever mse_loss compares with it"
FLAT = "The loss reads 0.69: this loss gives 0.69 when all embeddings are equal"

CAUSES = {
    "a noise of nought": (
        "CD107",
        OVER_EQUAL,
        """
NOISE = 0.0  # cause
def view(x):
    return x + NOISE * torch.randn_like(x)
a, b = net(view(x)), net(view(x))  # here
""",
    ),
    "a seed in what is called at every step": (
        "CD107",
        OVER_EQUAL,
        """
def view(x):
    g = torch.Generator().manual_seed(3)  # cause
    return x + torch.randn(x.shape, generator=g)
for x in data:
    a, b = net(view(x)), net(view(x))  # here
""",
    ),
    "no dropout, of one input given twice": (
        "CD107",
        OVER_EQUAL,
        """
config = {"p": 0.0}  # cause
class Net(nn.Module):
    def forward(self, x):
        return F.dropout(self.body(x), config["p"])
net = Net()
a, b = net(x), net(x)  # here
""",
    ),
    "eval mode that is left on": (
        "CD107",
        IN_EVAL,
        """
net.eval()  # cause
for x in data:
    a, b = net(x), net(x)  # here
""",
    ),
    "a step that is never taken": (
        "CD202",
        NEVER,
        """
optimizer = torch.optim.Adam(net.parameters())  # here
for i, x in enumerate(data):
    if i + 1 % 4 == 0:  # cause
        optimizer.step()
""",
    ),
    "a choice by name": (
        "CD202",
        HELD,
        """
def chosen(model):
    return [p for n, p in model.named_parameters() if "body" in n]  # cause
optimizer = torch.optim.Adam(chosen(model), 1e-3)  # here
""",
    ),
    "rows that were given themselves": (
        "CD104",
        "`z` and `other` are separate tensors with equal values when mse compares them.",
        """
def order(n):
    return torch.arange(n)  # cause
other = z[order(len(z))]  # here
loss = F.mse_loss(z, other)  # meets
""",
    ),
    "a dictionary of hooks that is given out by each call": (
        "CD101",
        SAME,
        """
captured = {}
def run(x):
    logits = net(x)
    return logits, captured  # cause
_, first = run(x)
_, second = run(y)  # here
loss = F.mse_loss(first["z"], second["z"])  # meets
""",
    ),
    "a list of an object that is given out by each call": (
        "CD101",
        SAME,
        """
class Extractor:
    def __init__(self, net):
        self.features = []
    def __call__(self, x):
        self.features.clear()
        net(x)
        return self.features  # cause
extract = Extractor(net)
a = extract(x)
b = extract(y)  # here
loss = F.mse_loss(a[0], b[0])  # meets
""",
    ),
    "a function that remembers": (
        "CD106",
        OLD,
        """
known = {}
def target(key, x):
    if key not in known:  # cause
        known[key] = net(x).detach()
    return known[key]
loss = F.mse_loss(net(x), target(i, x))  # here
""",
    ),
    "a decorator that remembers": (
        "CD106",
        OLD,
        """
def memoise(compute):
    known = {}
    def lookup(key, x):
        if key not in known:  # cause
            known[key] = compute(x)
        return known[key]
    return lookup
@memoise
def target(x):
    return net(x).detach()
wanted = target(i, x)  # here
""",
    ),
    "a gain, of views for a network without biases": (
        "CD105",
        MULTIPLE,
        """
def gain(wave):
    return wave * torch.rand(len(wave), 1)  # cause
loss = criterion(net(gain(x)), net(gain(x)))  # here
""",
    ),
    "labels of nought and one": (
        "CD208",
        "Nothing in the loss on model.output keeps different rows apart",
        """
criterion = nn.CosineEmbeddingLoss()
target = (y == y.roll(1)).float()  # cause
loss = criterion(a, b, target)  # here
""",
    ),
    "a table that is begun with zeros": (
        "CD207",
        FLAT,
        """
nn.init.zeros_(table.weight)  # cause
optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
loss = -F.logsigmoid(score(table)).mean()  # here
loss.backward()
""",
    ),
    "a forward pass that detaches by a flag": (
        "CD201",
        "No gradient reaches model",
        """
FROZEN = True
class Net(nn.Module):
    def forward(self, x):
        z = self.body(x)
        return z.detach() if FROZEN else z  # cause
net = Net()
loss = head(net(x)).sum()  # here
""",
    ),
}

COLUMN = "`d` (40,) and `y` (40, 1) broadcast to (40, 40) in mul: each of the 40 rows meets"
PULLS = "Nothing in the loss on model.output keeps different rows apart: at all 6 steps looked at"
CAUSES |= {
    "labels of one kind": (
        "CD208",
        PULLS,
        """
criterion = nn.CosineEmbeddingLoss()
target = torch.ones(len(a))  # cause
loss = criterion(a, b, target)  # here
""",
    ),
    "labels of nought where minus one is meant": (
        "CD208",
        PULLS,
        """
y = np.zeros(len(a))  # cause
y[same] = 1
loss = nn.CosineEmbeddingLoss()(a, b, y)  # here
""",
    ),
    "a weight that a schedule ends": (
        "CD208",
        PULLS + " since step 20 it only drew pairs together.",
        """
def weight(step):
    return 1.0 if step < 20 else 0.0  # cause
for step in range(60):
    w = weight(step)
    loss = near(a, b) + w * far(a, b)  # here
    loss.backward()
""",
    ),
    "the last phase of a table": (
        "CD208",
        PULLS + " since step 20 it only drew pairs together.",
        """
PHASES = [
    (0, (25.0, 25.0)),
    (20, (25.0, 0.0)),  # cause
]
def weights(step):
    return [w for start, w in PHASES if step >= start][-1]
def loss_of(a, b, step):
    near, far = weights(step)
    loss = near * F.mse_loss(a, b)  # here
    return loss + far * spread(a)
loss_of(a, b, step).backward()
""",
    ),
    "an axis given to a module": (
        "CD206",
        "F.cosine_similarity compares along the batch",
        """
cosine = nn.CosineSimilarity(dim=0)  # cause
loss = cosine(a, b).mean()  # here
""",
    ),
    "labels of a data set that are a column": (
        "CD205",
        COLUMN,
        """
class Pairs:
    def __init__(self, same):
        self.y = same.reshape(-1, 1)  # cause
    def __getitem__(self, i):
        return self.a[i][None], self.b[i][None], self.y[i]
for i, (a, b, y) in enumerate(DataLoader(Pairs(same))):
    d = (net(a) - net(b)).norm(dim=1)
    loss = (y * d).mean()  # here
""",
    ),
    "one number of a data set, in a vector": (
        "CD205",
        COLUMN,
        """
class Pairs:
    def __getitem__(self, i):
        return self.x[i], self.same[i].view(1)  # cause
for x, y in DataLoader(Pairs()):
    loss = (y * d).mean()  # here
""",
    ),
    "the best of some, as a column, beside an index that is one": (
        "CD205",
        COLUMN,
        """
def best(scores, users):
    bad = (liked[users].unsqueeze(2) == candidates).any(1)
    return scores.masked_fill(bad, -1e4).topk(1, dim=1).values  # cause
y = best(scores, users)
loss = (d * y).mean()  # here
""",
    ),
    "labels put into lists by a collate function": (
        "CD205",
        COLUMN,
        """
def collate(items):
    x, scores = zip(*items)
    return torch.stack(x), torch.tensor([[s] for s in scores])  # cause
for x, y in DataLoader(pairs, collate_fn=collate):
    loss = (d * y).mean()  # here
""",
    ),
    "what is computed of numbers that are stored as a column": (
        "CD205",
        COLUMN,
        """
class Buffer:
    def __init__(self, size):
        self.reward = np.zeros((size, 1))
batch = buffer.sample()
y = (batch.reward - batch.reward[perm]).abs()  # cause
loss = (d * y).mean()  # here
""",
    ),
    "a step ten times as large as any that is usual": (
        "CD207",
        FLAT,
        """
LR = 2.0  # cause
opt = torch.optim.SGD(net.parameters(), lr=LR)
loss = torch.relu(far - near + margin).mean()  # here
""",
    ),
    "a teacher that is as soft as its student": (
        "CD207",
        FLAT + ", and those of model.output have become too short for it to tell apart.",
        """
def loss_of(student, teacher):
    wanted = F.softmax(teacher, dim=-1)  # cause
    return -(wanted * F.log_softmax(student / 0.1, dim=-1)).sum(-1).mean()  # here
loss_of(a, b).backward()
""",
    ),
}

NONE = {
    "a column that was made to meet another one, of a table": (
        "CD205",
        COLUMN,
        """
class Factors(nn.Module):
    def __init__(self):
        self.bias = nn.Embedding(40, 1)
    def forward(self, u, i):
        return (u * i).sum(1, keepdim=True) + self.bias(u)
y = Factors()(u, i)
loss = (d * y).mean()  # here
""",
    ),
    "a step as usual": (
        "CD207",
        FLAT,
        """
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
loss = torch.relu(far - near + margin).mean()  # here
""",
    ),
    "the other view, held against with mse": (
        "CD208",
        PULLS,
        """
b = augment(torch.ones_like(x))
loss = F.mse_loss(net(x), net(b))  # here
""",
    ),
    "an option of the command line": (
        "CD107",
        OVER_EQUAL,
        """
p.add_argument("--noise", type=float, default=0.0)
args = p.parse_args()
def view(x):
    return x + args.noise * torch.randn_like(x)
a, b = net(view(x)), net(view(x))  # here
""",
    ),
    "a default that the caller might have overruled": (
        "CD107",
        OVER_EQUAL,
        """
def view(x, noise=0.0):
    return x + noise * torch.randn_like(x)
a, b = net(view(x)), net(view(x))  # here
""",
    ),
    "a noise on one input that is given twice": (
        "CD107",
        OVER_EQUAL,
        """
NOISE = 0.0
def view(x):
    return x + NOISE * torch.randn_like(x)
x = view(batch)
a = net(x)
b = net(x)  # here
loss = F.mse_loss(a, b)  # meets
""",
    ),
    "a seed of the data, which are made before": (
        "CD107",
        OVER_EQUAL,
        """
def made(seed):
    return torch.randn(9, 4, generator=torch.Generator().manual_seed(0))
train, test = made(0), made(1)
a, b = net(train), net(train)  # here
""",
    ),
    "two models that are put into eval mode": (
        "CD107",
        IN_EVAL,
        """
net.eval()
other.eval()
a, b = net(x), net(x)  # here
""",
    ),
    "steps under two conditions": (
        "CD202",
        NEVER,
        """
first = torch.optim.Adam(net.parameters())  # here
for i, x in enumerate(data):
    if i % 2:
        first.step()
    if ready:
        second.step()
""",
    ),
    "two choices by name": (
        "CD202",
        HELD,
        """
named = [(n, p) for n, p in model.named_parameters() if "body" in n]
plain = [p for n, p in named if "bias" not in n]
optimizer = torch.optim.Adam(plain, 1e-3)  # here
""",
    ),
    "a dictionary that is made anew by each call": (
        "CD101",
        SAME,
        """
def run(x):
    captured = {}
    net(x)
    return captured
first = run(x)
second = run(y)  # here
loss = F.mse_loss(first["z"], second["z"])  # meets
""",
    ),
    "a cache that is emptied by somebody": (
        "CD106",
        OLD,
        """
def target(key, x):
    if key in known:
        return known[key]
    return net(x).detach()
loss = F.mse_loss(net(x), target(i, x))  # here
""",
    ),
    "a gain after which noise is added": (
        "CD105",
        MULTIPLE,
        """
def view(wave):
    louder = wave * torch.rand(len(wave), 1)
    return louder + torch.randn_like(wave)
loss = criterion(net(view(x)), net(view(x)))  # here
""",
    ),
    "a view that a function with seed in its name makes": (
        "CD107",
        OVER_EQUAL,
        """
def first(x):
    a = net(seeded(x))
def second(x):
    b = net(seeded(x))
for x in data:
    y = x
    a = net(x)
    b = net(y)  # here
""",
    ),
    "a second input that the model forgets": (
        "CD107",
        "`a` and `b` were both made of one of two inputs when mse compares them: the other is "
        "never used.",
        """
class Net(nn.Module):
    def forward(self, one, other):
        return self.body(one), self.body(one)  # here
net = Net()
a, b = net(x, x)
""",
    ),
    "rows that were drawn": (
        "CD104",
        "`z[i]` and `z[j]` are separate tensors with equal values when mse compares them.",
        """
def drawn(n):
    return torch.randint(n, (n,), generator=generator)
i, j = drawn(9), drawn(9)
loss = F.mse_loss(z[i], z[j])  # here
""",
    ),
    "a bias that is begun with zeros": (
        "CD207",
        FLAT,
        """
nn.init.zeros_(layer.bias)
optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
loss = -F.logsigmoid(score(layer)).mean()  # here
loss.backward()
""",
    ),
    "a target that is detached on the way": (
        "CD201",
        "No gradient reaches model",
        """
def pull(a, b):
    return F.mse_loss(a, b.detach())
loss = pull(net(x), net(y))  # here
""",
    ),
}


@pytest.mark.parametrize("which", CAUSES)
def test_what_explains_a_finding_is_the_line_to_change(cause: Follow, which: str) -> None:
    code, message, text = CAUSES[which]
    why = "The embedding has no graph where the model returns it." if code == "CD201" else ""
    told = cause(code, text, message, why)
    assert told is not None
    assert told.endswith("# cause")


@pytest.mark.parametrize("which", NONE)
def test_what_only_has_a_part_leaves_the_line_as_it_is(cause: Follow, which: str) -> None:
    code, message, text = NONE[which]
    told = cause(code, text, message)
    assert told is not None
    assert told.endswith("# here")


SCHEDULES = {
    "a function of the step": """
def strength(step):
    return 0.2 * max(0.0, 1 - step / 30)  # cause
for step in range(60):
    eps = strength(step)
    a, b = view(z, eps), view(z, eps)  # here
""",
    "an expression in the loop": """
for epoch, x in enumerate(loader):
    eps = 0.2 * max(0.0, 1 - epoch / 30)  # cause
    a, b = view(z, eps), view(z, eps)  # here
""",
    "an attribute of the trainer": """
class Trainer:
    def eps(self):
        return 0.2 * (1 - min(1.0, self.step / 30))  # cause
    def fit(self, z):
        a, b = view(z, self.eps()), view(z, self.eps())  # here
""",
}


@pytest.mark.parametrize("which", SCHEDULES)
@pytest.mark.parametrize("step", [0, 30])
def test_a_schedule_explains_what_began_late(tmp_path: Path, which: str, step: int) -> None:
    path = tmp_path / "training.py"
    path.write_text(SCHEDULES[which], encoding="utf-8")
    linecache.clearcache()
    message = "`a` and `b` are separate tensors with equal values when mse_loss compares them."
    finding = finding_at(path, SCHEDULES[which], "CD104", message)
    finding = replace(finding, where=replace(finding.where, step=step))
    told = led(finding).where
    assert told.step == step
    assert (told.source or "").endswith("# cause" if step else "# here")


def test_a_number_that_counts_nothing_is_no_schedule(tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    text = "width = 2 * heads\na, b = view(z, width), view(z, width)  # here\n"
    path.write_text(text, encoding="utf-8")
    linecache.clearcache()
    finding = finding_at(path, text, "CD104", "`a` and `b` are separate tensors")
    finding = replace(finding, where=replace(finding.where, step=30))
    assert led(finding) == finding


def test_the_line_of_the_symptom_stays_among_the_related(tmp_path: Path) -> None:
    path = tmp_path / "training.py"
    text = "NOISE = 0.0\na, b = net(x + NOISE * noise(x)), net(x + NOISE * noise(x))  # here\n"
    path.write_text(text, encoding="utf-8")
    finding = finding_at(path, text, "CD107", OVER_EQUAL)
    told = led(finding)
    assert told.where == Where("model", "output", 0, str(path), 1, "NOISE = 0.0", told.where.note)
    assert told.where.note == "a product with this number is 0"
    assert (told.related[0].line, told.related[0].step) == (2, 0)
    assert told.related[0].note == "it comes to light here"
    assert told.severity is Severity.ERROR
