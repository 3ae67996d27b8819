"""Two towers, matched by squared error, of which one is kept apart by a decoder of its own.

expect: healthy
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector

audio = nn.Sequential(nn.Linear(20, 48), nn.Tanh(), nn.Linear(48, 10))
text = nn.Sequential(nn.Linear(14, 48), nn.Tanh(), nn.Linear(48, 10))
decoder = nn.Linear(10, 14)
parts = nn.ModuleList([audio, text, decoder])
optimizer = torch.optim.Adam(parts.parameters(), lr=2e-3)
to_audio, to_text = torch.randn(5, 20), torch.randn(5, 14)
with Inspector({"audio": audio, "text": text}) as inspector:
    for _ in range(80):
        s = torch.randn(48, 5)
        x, y = s @ to_audio, s @ to_text
        za, zt = audio(x), text(y)
        loss = F.mse_loss(za, zt) + F.mse_loss(decoder(zt), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
