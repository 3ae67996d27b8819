"""GradCache: all chunks are embedded under no_grad, the loss gives gradients at the embeddings, and each chunk is then run again.

expect: healthy
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

torch.manual_seed(4)


class Tower(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(width, 80), nn.Tanh(), nn.Linear(80, 30))

    def forward(self, x):
        return self.net(x)


def contrastive(q, d):
    logits = F.normalize(q, dim=1) @ F.normalize(d, dim=1).T * 10
    return F.cross_entropy(logits, torch.arange(len(q)))


def grad_cache_step(towers, inputs, chunk):
    with torch.no_grad():
        reps = {
            name: torch.cat([towers[name](x) for x in inputs[name].split(chunk)]) for name in towers
        }
    leaves = {name: r.requires_grad_() for name, r in reps.items()}
    loss = contrastive(leaves["query"], leaves["document"])
    loss.backward()
    for name, tower in towers.items():
        for x, g in zip(inputs[name].split(chunk), leaves[name].grad.split(chunk)):
            surrogate = (tower(x) * g).sum()
            surrogate.backward()
    return loss.item()


def question_answer(n):
    meaning = torch.randn(n, 9)
    return {
        "query": meaning @ LANG_Q + 0.3 * torch.randn(n, 50),
        "document": meaning @ LANG_D + 0.3 * torch.randn(n, 70),
    }


LANG_Q, LANG_D = torch.randn(9, 50) / 2, torch.randn(9, 70) / 2
towers = nn.ModuleDict({"query": Tower(50), "document": Tower(70)})
optimizer = torch.optim.AdamW(towers.parameters(), lr=2e-3)

with Inspector({"query": towers["query"], "document": towers["document"]}) as inspector:
    for step in range(40):
        optimizer.zero_grad()
        value = grad_cache_step(dict(towers.items()), question_answer(96), chunk=24)
        optimizer.step()
        if step % 10 == 0:
            print(step, value)
diagnosis = inspector.diagnose()
