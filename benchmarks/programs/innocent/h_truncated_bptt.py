"""A recurrent network over long sequences, its state detached between segments.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector

cell, readout = nn.GRU(4, 32, batch_first=True), nn.Linear(32, 4)
opt = torch.optim.Adam([*cell.parameters(), *readout.parameters()], lr=5e-3)
t = torch.arange(50 * 12 + 1).float() / 4
waves = torch.stack(
    [torch.sin(t * f + p) for f, p in zip(torch.rand(96) + 0.3, 6 * torch.rand(96))], 1
)
waves = waves.view(len(t), 24, 4).transpose(0, 1)
state = None
with Inspector(cell) as inspector:
    for k in range(50):
        seg = waves[:, 12 * k : 12 * k + 13]
        out, state = cell(seg[:, :-1], state)
        state = state.detach()
        loss = nn.functional.mse_loss(readout(out), seg[:, 1:])
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
