"""The negative score is summed with keepdim=True and the positive one is not, so BPR compares everybody with everybody.

expect: CD205
"""

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector

N_USERS, N_ITEMS, K = 200, 300, 20


class Implicit(Dataset):
    def __init__(self):
        taste = torch.randn(N_USERS, 5)
        kind = torch.randn(N_ITEMS, 5)
        top = (taste @ kind.T).topk(10, dim=1).indices
        self.rows = [(u, int(i)) for u in range(N_USERS) for i in top[u]]
        self.seen = [set(t.tolist()) for t in top]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, k):
        u, i = self.rows[k]
        j = int(torch.randint(N_ITEMS, ()))
        while j in self.seen[u]:
            j = int(torch.randint(N_ITEMS, ()))
        return u, i, j


class MF(nn.Module):
    def __init__(self):
        super().__init__()
        self.user = nn.Embedding(N_USERS, K)
        self.item = nn.Embedding(N_ITEMS, K)
        self.item_bias = nn.Embedding(N_ITEMS, 1)
        nn.init.normal_(self.user.weight, std=0.1)
        nn.init.normal_(self.item.weight, std=0.1)
        nn.init.zeros_(self.item_bias.weight)

    def forward(self, u, i, j):
        pu, qi, qj = self.user(u), self.item(i), self.item(j)
        x_ui = (pu * qi).sum(-1) + self.item_bias(i).squeeze(-1)
        x_uj = (pu * qj).sum(-1, keepdim=True) + self.item_bias(j)  # fault
        return x_ui, x_uj


loader = DataLoader(Implicit(), batch_size=100, shuffle=True)
model = MF()
opt = torch.optim.Adam(model.parameters(), lr=0.02, weight_decay=1e-5)

with Inspector(model) as inspector:
    for epoch in range(3):
        tot = 0.0
        for u, i, j in loader:
            x_ui, x_uj = model(u, i, j)
            loss = -F.logsigmoid(x_ui - x_uj).mean()  # meets
            opt.zero_grad()
            loss.backward()
            opt.step()
            tot += loss.item()
        print(f"epoch {epoch + 1} bpr {tot / len(loader):.4f}")
diagnosis = inspector.diagnose()
