"""First and last patch of an image; with one patch per image both are views of one tensor.

expect: CD102
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class PatchEncoder(nn.Module):
    def __init__(self, patch_size):
        super().__init__()
        self.embed = nn.Conv2d(1, 32, kernel_size=patch_size, stride=patch_size)
        self.act = nn.Tanh()

    def forward(self, image):
        patches = self.act(self.embed(image)).flatten(2).transpose(1, 2)
        return patches.select(1, 0), patches[:, -1]  # shows


model = PatchEncoder(patch_size=8)  # fault
classifier = nn.Linear(32, 4)
optimizer = torch.optim.SGD([*model.parameters(), *classifier.parameters()], lr=0.05)
patterns = torch.randn(4, 1, 8, 8)

with Inspector(model) as inspector:
    for _ in range(30):
        y = torch.randint(0, 4, (32,))
        image = patterns[y] + 0.5 * torch.randn(32, 1, 8, 8)
        first, last = model(image)
        agreement = 1 - F.cosine_similarity(first, last, dim=-1).mean()  # meets
        loss = F.cross_entropy(classifier(first), y) + agreement
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
