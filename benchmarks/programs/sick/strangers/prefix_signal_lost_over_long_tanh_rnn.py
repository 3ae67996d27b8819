"""What tells the sequences apart stands in the first frames, 45 tanh steps before the loss; the gradient that comes back to the prefix encoder is nothing.

expect: CD203
"""

import torch
import torch.nn as nn

from collapse_doctor import Inspector

torch.manual_seed(13)
LENGTH, SYMBOLS = 45, 8


class PlainRNN(nn.Module):
    """h = tanh(W h + U x), as in the exercise sheet."""

    def __init__(self, n_in, n_hid):
        super().__init__()
        self.U = nn.Linear(n_in, n_hid)
        self.W = nn.Linear(n_hid, n_hid, bias=False)

    def forward(self, xs, h):
        for x in xs.unbind(1):
            h = torch.tanh(self.W(h) + self.U(x))  # fault
        return h


prefix_encoder = nn.Sequential(nn.Linear(20, 40), nn.ReLU(), nn.Linear(40, 32))
rnn = PlainRNN(6, 32)
key_table = torch.randn(SYMBOLS, 20)


def memory_task(n):
    """Remember which key opened the sequence."""
    symbol = torch.randint(SYMBOLS, (n,))
    prefix = key_table[symbol] + 0.1 * torch.randn(n, 20)
    noise = torch.randn(n, LENGTH, 6)
    return prefix, noise, symbol


def contrastive(z, y, margin=1.5):
    i, j = torch.triu_indices(len(z), len(z), 1)
    d = (z[i] - z[j]).pow(2).sum(1).add(1e-9).sqrt()  # meets
    same = y[i] == y[j]
    return torch.where(same, d.pow(2), torch.relu(margin - d).pow(2)).mean()


params = list(prefix_encoder.parameters()) + list(rnn.parameters())
optimizer = torch.optim.SGD(params, lr=0.01)

with Inspector({"prefix": prefix_encoder, "rnn": rnn}) as inspector:
    for step in range(30):
        prefix, noise, symbol = memory_task(24)
        h0 = prefix_encoder(prefix)
        loss = contrastive(rnn(noise, h0), symbol)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
