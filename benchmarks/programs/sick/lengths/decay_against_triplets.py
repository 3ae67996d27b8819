"""Weight decay that outweighs a triplet loss: the margin is never reached.

expect: CD308
first: gradual
"""

import torch
from torch import nn

from benchmarks.programs.common import batches, mlp
from collapse_doctor import Inspector

net = mlp(64, 128, 128, 32)
opt = torch.optim.SGD(net.parameters(), lr=0.05, weight_decay=0.4)
criterion = nn.TripletMarginLoss(margin=0.2)
inspector = Inspector(net)
with inspector:
    for x, y in batches(400, 90):
        anchor, positive, negative = net(x[:30]), net(x[30:60]), net(x[60:])
        loss = criterion(anchor, positive, negative)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
