"""Last visit's embeddings are kept as NumPy, but the store is replaced before it is read, so the target shares this step's memory.

expect: CD102
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

rng = np.random.default_rng(3)
PATIENTS, SIGNALS, DIM = 48, 35, 14


def visit(latent, mixing):
    """One more visit of every patient: the same latent state, fresh measurement noise."""
    signal = np.tanh(latent @ mixing) + 0.3 * rng.standard_normal((PATIENTS, SIGNALS))
    return torch.from_numpy(signal.astype(np.float32))


latent = rng.standard_normal((PATIENTS, 6))
mixing = rng.standard_normal((6, SIGNALS))
outcome = torch.from_numpy((latent[:, :3].argmax(1)).astype(np.int64))


class VisitEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(SIGNALS, 64)
        self.state = nn.Linear(64, DIM)
        self.outcome = nn.Linear(DIM, 3)

    def forward(self, x):
        return self.state(torch.tanh(self.hidden(x)))


class History:
    """Keeps embeddings off the GPU between visits."""

    def __init__(self):
        self.rows = None

    def write(self, z):
        self.rows = z.detach().cpu().numpy()

    def read(self):
        return torch.from_numpy(self.rows)


model = VisitEncoder()
history = History()
opt = torch.optim.Adam(model.parameters(), lr=4e-3)

with Inspector(model) as inspector:
    for step in range(50):
        z = model(visit(latent, mixing))
        history.write(z)  # fault
        target = history.read()  # fault
        smooth = (1 - F.cosine_similarity(z, target, dim=1)).mean()  # meets
        loss = F.cross_entropy(model.outcome(z), outcome) + 0.5 * smooth
        opt.zero_grad()
        loss.backward()
        opt.step()
        if step % 10 == 0:
            print(step, f"{loss.item():.4f}", f"smooth={smooth.item():.2e}")

diagnosis = inspector.diagnose()
