"""One pair at a time with accumulation over sixteen, a contrastive loss with a margin.

expect: healthy
"""

import random

import torch
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch import nn

from collapse_doctor import Inspector

data = load_wine()
X = torch.tensor(StandardScaler().fit_transform(data.data), dtype=torch.float)
Y = data.target.tolist()
ACCUMULATE = 16


class Siamese(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 32)
        self.fc2 = nn.Linear(32, 8)

    def embed(self, x):
        return self.fc2(torch.tanh(self.fc1(x)))

    def forward(self, a, b):
        return self.embed(a), self.embed(b)


def main():
    random.seed(0)
    model = Siamese()
    opt = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    with Inspector(model) as inspector:
        for n in range(1, 1601):
            i = random.randrange(len(X))
            same = n % 2
            j = random.choice([k for k in range(len(X)) if (Y[k] == Y[i]) == bool(same) and k != i])
            a, b = model(X[i : i + 1], X[j : j + 1])
            d = (a - b).norm(dim=1)
            loss = same * d**2 + (1 - same) * torch.clamp(1.0 - d, min=0) ** 2
            (loss.mean() / ACCUMULATE).backward()
            if n % ACCUMULATE == 0:
                opt.step()
                opt.zero_grad()
    return inspector.diagnose()


diagnosis = main()
