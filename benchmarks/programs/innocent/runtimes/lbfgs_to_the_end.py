"""L-BFGS with strong Wolfe in float64 on a full batch of multi-similarity pairs.

expect: healthy
"""

import torch
from sklearn.datasets import make_blobs

from collapse_doctor import Inspector

points, group = make_blobs(90, 6, centers=5, random_state=1)
points = torch.tensor(points / 5)
group = torch.tensor(group)
same = group[:, None] == group[None]
off = ~torch.eye(90, dtype=torch.bool)

embedder = torch.nn.Sequential(
    torch.nn.Linear(6, 24), torch.nn.Tanh(), torch.nn.Linear(24, 12)
).double()
opt = torch.optim.LBFGS(embedder.parameters(), lr=0.5, max_iter=5, line_search_fn="strong_wolfe")


def closure():
    opt.zero_grad()
    z = torch.nn.functional.normalize(embedder(points), dim=1)
    s = z @ z.mT
    pos = torch.log1p((torch.exp(-2 * (s - 0.5)) * (same & off)).sum(1)) / 2
    neg = torch.log1p((torch.exp(10 * (s - 0.5)) * ~same).sum(1)) / 10
    loss = (pos + neg).mean()
    loss.backward()
    return loss


with Inspector({"embedder": embedder}) as inspector:
    for _ in range(40):
        opt.step(closure)
diagnosis = inspector.diagnose()
