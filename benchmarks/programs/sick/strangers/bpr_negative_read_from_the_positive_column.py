"""The batch has "pos" and "neg" items but the ranking loss scores the "pos" column on both sides.

expect: CD107
"""

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector

torch.manual_seed(31)
N_USER, N_ITEM, K = 200, 140, 16


class Implicit(Dataset):
    def __init__(self):
        p, q = torch.randn(N_USER, 4), torch.randn(N_ITEM, 4)
        self.seen = (p @ q.t()) > 2.0
        self.pairs = self.seen.nonzero()

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, n):
        user, item = self.pairs[n].tolist()
        other = int(torch.randint(N_ITEM, (1,)))
        while self.seen[user, other]:
            other = int(torch.randint(N_ITEM, (1,)))
        return {"user": user, "pos": item, "neg": other}


class NeuralMF(nn.Module):
    def __init__(self):
        super().__init__()
        self.users = nn.Embedding(N_USER, K)
        self.items = nn.Embedding(N_ITEM, K)
        self.mix = nn.Sequential(nn.Linear(2 * K, 32), nn.Tanh(), nn.Linear(32, K))
        self.rating = nn.Linear(K, 1)

    def forward(self, user, item):
        """A vector for the pair; its rating comes from a linear layer."""
        u, i = self.users(user), self.items(item)
        return u * i + self.mix(torch.cat([u, i], dim=-1))


def ranking_loss(model, batch):
    good = model(batch["user"], batch["pos"])
    bad = model(batch["user"], batch["pos"])  # fault
    margin = F.pairwise_distance(good, bad)  # meets
    bpr = -F.logsigmoid(model.rating(good) - model.rating(bad)).mean()
    return bpr + 0.1 * F.relu(1 - margin).mean() + 1e-3 * good.pow(2).mean()


model = NeuralMF()
opt = torch.optim.Adam(model.parameters(), lr=0.01)
loader = DataLoader(Implicit(), batch_size=128, shuffle=True, drop_last=True)
with Inspector(model) as inspector:
    step = 0
    while step < 40:
        for batch in loader:
            loss = ranking_loss(model, batch)
            opt.zero_grad()
            loss.backward()
            opt.step()
            step += 1
            if step % 10 == 0:
                print(step, f"{loss.item():.5f}")
            if step == 40:
                break
diagnosis = inspector.diagnose()
