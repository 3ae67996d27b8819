"""Sentence similarity: cosines of shape (B,) against gold scores of shape (B, 1) in MSELoss.

expect: CD205
"""

import warnings

import torch
from torch import nn

from collapse_doctor import Inspector

warnings.filterwarnings("ignore")


class BagOfWords(nn.Module):
    def __init__(self, vocab=300, dim=24):
        super().__init__()
        self.bag = nn.EmbeddingBag(vocab, dim)
        self.dense = nn.Linear(dim, dim)

    def forward(self, ids):
        return torch.tanh(self.dense(self.bag(ids)))


def collate(rows):
    a, b, s = zip(*rows)
    return torch.stack(a), torch.stack(b), torch.tensor(s).unsqueeze(1)  # fault


rows = []
for _ in range(320):
    a = torch.randint(0, 300, (10,))
    share = torch.rand(())
    rows.append(
        (a, torch.where(torch.rand(10) < share, a, torch.randint(0, 300, (10,))), share.item())
    )
model = BagOfWords()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
with Inspector(model) as inspector:
    for a, b, gold in torch.utils.data.DataLoader(rows * 2, 32, shuffle=True, collate_fn=collate):
        score = torch.cosine_similarity(model(a), model(b))
        loss = nn.MSELoss()(score, gold)  # meets # fault
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
