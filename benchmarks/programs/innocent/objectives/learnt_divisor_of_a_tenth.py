"""The temperature is a parameter that begins at 0.1 and divides.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(3)
image = nn.Sequential(nn.Linear(30, 64), nn.ReLU(), nn.Linear(64, 32))
text = nn.EmbeddingBag(300, 32)
temperature = nn.Parameter(torch.tensor(0.1))
styles, captions = torch.randn(120, 30), torch.randint(300, (120, 6))
groups = [*image.parameters(), *text.parameters(), temperature]
optimizer = torch.optim.Adam(groups, lr=1e-3)
with Inspector({"image": image, "text": text}) as inspector:
    for _ in range(50):
        pick = torch.randperm(120)[:48]
        one = F.normalize(image(styles[pick] + 0.5 * torch.randn(48, 30)))
        logits = one @ F.normalize(text(captions[pick])).T / temperature
        loss = F.cross_entropy(logits, torch.arange(48))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
