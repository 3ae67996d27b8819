"""The target comes out of a batch norm, the prediction does not; their cosine is taken over the batch.

expect: CD206
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector

torch.manual_seed(1)
encoder = nn.Sequential(
    nn.Linear(18, 64), nn.ReLU(), nn.Linear(64, 20), nn.BatchNorm1d(20, affine=False)
)
predictor = nn.Sequential(nn.Linear(20, 10), nn.ReLU(), nn.Linear(10, 20))
mix = torch.randn(6, 18)
optimizer = torch.optim.SGD([*encoder.parameters(), *predictor.parameters()], lr=0.05)
with Inspector({"encoder": encoder, "predictor": predictor}) as inspector:
    for _ in range(40):
        clean = torch.randn(48, 6) @ mix
        a, b = (encoder(clean + 0.4 * torch.randn(48, 18)) for _ in range(2))
        similarity = F.cosine_similarity(predictor(a), b.detach(), dim=0)  # fault
        loss = -similarity.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
