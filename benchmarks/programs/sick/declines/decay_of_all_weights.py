"""Weight decay that eats one direction after the other, watched while it does.

expect: CD310
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.programs.common import augment, batches
from collapse_doctor import Inspector

encoder = nn.Sequential(
    nn.Linear(64, 100), nn.GELU(), nn.Linear(100, 100), nn.GELU(), nn.Linear(100, 48)
)
decayed = torch.optim.SGD(encoder.parameters(), lr=0.05, weight_decay=0.1)
inspector = Inspector(encoder)
with inspector:
    for i, (batch, _) in enumerate(batches(260, 64)):
        one, two = encoder(augment(batch)), encoder(augment(batch))
        scores = F.normalize(one) @ F.normalize(two).t() / 0.5
        nll = -torch.log_softmax(scores, 1).diagonal().mean()
        decayed.zero_grad()
        nll.backward()
        decayed.step()
diagnosis = inspector.diagnose()
