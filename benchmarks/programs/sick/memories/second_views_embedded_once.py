"""A data set of pairs that holds embeddings of the second views, made when it was built.

expect: CD106
first: 1
"""

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Paired(Dataset):
    def __init__(self, left, right, encoder):
        self.left = left
        with torch.no_grad():
            self.right = encoder(right)  # fault

    def __len__(self):
        return len(self.left)

    def __getitem__(self, index):
        return self.left[index], self.right[index]

    def __getitems__(self, indices):
        return [(self.left[indices], self.right[indices])]


encoder = nn.Sequential(nn.Linear(18, 64), nn.ReLU(), nn.Linear(64, 16))
optimizer = torch.optim.AdamW(encoder.parameters(), lr=1e-3)
base = torch.randn(240, 18)
with Inspector(encoder) as inspector:
    data = Paired(base, base + 0.4 * torch.randn(240, 18), encoder)
    loader = DataLoader(data, batch_size=48, shuffle=True, collate_fn=lambda found: found[0])
    for _epoch in range(6):
        for left, target in loader:
            z = encoder(left)
            loss = 1 - torch.cosine_similarity(z, target, dim=-1).mean()  # meets
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
diagnosis = inspector.diagnose()
