"""Duplicate questions only, every label 1, with a cosine regression: nothing pushes sentences apart and all of them drift to one direction.

expect: CD208
"""

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Duplicates(Dataset):
    """(question, paraphrase, 1.0) rows as exported from the forum."""

    def __init__(self, n=320):
        g = torch.Generator().manual_seed(30)
        topics = torch.randint(2, 40, (n, 1), generator=g) * 8
        self.q = topics + torch.randint(0, 8, (n, 6), generator=g)
        self.d = topics + torch.randint(0, 8, (n, 9), generator=g)
        self.label = torch.ones(n)  # fault

    def __len__(self):
        return len(self.q)

    def __getitem__(self, k):
        return {"question": self.q[k], "duplicate": self.d[k], "label": self.label[k]}


class TinyBert(nn.Module):
    def __init__(self, vocab=340, dim=32):
        super().__init__()
        self.tok = nn.Embedding(vocab, dim)
        self.pos = nn.Parameter(0.02 * torch.randn(16, dim))
        layer = nn.TransformerEncoderLayer(
            dim, 2, 64, dropout=0.1, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)

    def forward(self, ids):
        h = self.tok(ids) + self.pos[: ids.shape[1]]
        return self.layers(h).mean(dim=1)


class CosineSimilarityLoss(nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model
        self.mse = nn.MSELoss()

    def forward(self, row):
        u, v = self.model(row["question"]), self.model(row["duplicate"])
        return self.mse(torch.cosine_similarity(u, v), row["label"])  # meets


torch.manual_seed(30)
model = TinyBert()
objective = CosineSimilarityLoss(model)
opt = torch.optim.AdamW(objective.parameters(), lr=1e-3)

with Inspector(model) as inspector:
    for epoch in range(5):
        for row in DataLoader(Duplicates(), batch_size=32, shuffle=True):
            loss = objective(row)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
diagnosis = inspector.diagnose()
