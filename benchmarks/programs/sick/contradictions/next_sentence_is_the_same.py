"""Next sentence or not: the wrong continuation is rolled by the size of the batch.

expect: CD107
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Continues(nn.Module):
    def __init__(self, words=90, width=32):
        super().__init__()
        self.words = nn.Embedding(words, width)
        self.reader = nn.GRU(width, width, batch_first=True)
        self.verdict = nn.Linear(width, 2)

    def forward(self, pair):
        return self.verdict(self.reader(self.words(pair))[1][-1])


def joined(first, second):
    mark = torch.zeros(len(first), 1, dtype=torch.long)
    return torch.cat([first, mark, second], dim=1)


net, criterion = Continues(), nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=1e-3)
with Inspector(net) as inspector:
    for _ in range(30):
        topic = torch.randint(1, 10, (24, 1)) * 9
        first = topic + torch.randint(0, 9, (24, 6))
        second = topic + torch.randint(0, 9, (24, 6))
        other = second.roll(len(second), dims=0)  # fault
        loss = criterion(net(joined(first, second)), torch.ones(24, dtype=torch.long))
        loss = loss + criterion(
            net(joined(first, other)), torch.zeros(24, dtype=torch.long)
        )  # shows
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
