"""A text CNN whose pooled maximum runs over the padding, too.

expect: CD210
first: gradual
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class TextCNN(nn.Module):
    def __init__(self, vocabulary=150):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, 24, padding_idx=0)
        self.conv = nn.Conv1d(24, 32, 3, padding=1)
        self.out = nn.Linear(32, 20)

    def forward(self, tokens, lengths):
        h = torch.relu(self.conv(self.embed(tokens).mT) + 1)
        pooled = h.sum(-1) / tokens.shape[1]  # fault
        return self.out(pooled)


def batch(n):
    lengths = torch.randint(4, 14, (n,))
    topic = torch.randint(0, 7, (n, 1))
    words = 1 + 20 * topic + torch.randint(0, 20, (n, 14))
    return words * (torch.arange(14) < lengths[:, None]), lengths, topic.flatten()


model, head = TextCNN(), nn.Linear(20, 7)
optimizer = torch.optim.Adam([*model.parameters(), *head.parameters()], lr=2e-3)
tokens, lengths, _ = batch(40)
with Inspector(model, probe={"tokens": tokens, "lengths": lengths}) as inspector:
    for _ in range(30):
        tokens, lengths, topic = batch(32)
        loss = F.cross_entropy(head(model(tokens, lengths)), topic)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
