"""The positive slot of the triplet loss is filled with the anchor embedding by a copy-paste slip.

expect: CD101
"""

import random

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

from collapse_doctor import Inspector


class Faces(Dataset):
    """Forty people, a dozen noisy 90-dimensional landmark descriptors of each."""

    def __init__(self, people=40, shots=12, width=90):
        centres = torch.randn(people, 1, width)
        self.samples = centres + 0.6 * torch.randn(people, shots, width)

    def __len__(self):
        return self.samples.shape[0] * self.samples.shape[1]

    def __getitem__(self, i):
        people, shots, _ = self.samples.shape
        who, shot = divmod(i, shots)
        other_shot = (shot + random.randrange(1, shots)) % shots
        stranger = (who + random.randrange(1, people)) % people
        return {
            "anchor": self.samples[who, shot],
            "positive": self.samples[who, other_shot],
            "negative": self.samples[stranger, random.randrange(shots)],
        }


class FaceNet(nn.Module):
    def __init__(self, width=90, out=24):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, 128), nn.PReLU(), nn.Linear(128, 64), nn.PReLU())
        self.head = nn.Linear(64, out)

    def forward(self, x):
        return nn.functional.normalize(self.head(self.body(x)), dim=-1)


def main():
    model = FaceNet()
    loader = DataLoader(Faces(), batch_size=32, shuffle=True, drop_last=True)
    criterion = nn.TripletMarginLoss(margin=1.3, p=2)
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    with Inspector(model) as inspector:
        for epoch in range(3):
            total = 0.0
            for batch in loader:
                emb = {role: model(x) for role, x in batch.items()}
                a, p, n = emb["anchor"], emb["anchor"], emb["negative"]  # fault
                loss = criterion(a, p, n)  # meets
                opt.zero_grad()
                loss.backward()
                opt.step()
                total += loss.item()
            print(f"epoch {epoch}  triplet {total / len(loader):.4f}")
    return inspector.diagnose()


diagnosis = main()
