"""Only some soft prompt vectors and a classifier are learnt before a frozen transformer.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class Prompted(nn.Module):
    def __init__(self, vocab=50, d=32, n_prompt=5):
        super().__init__()
        self.embed = nn.Embedding(vocab, d)
        layer = nn.TransformerEncoderLayer(d, 4, 64, batch_first=True, dropout=0.0)
        self.body = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        for p in self.parameters():
            p.requires_grad = False
        self.prompt = nn.Parameter(torch.randn(n_prompt, d) * 0.5)
        self.classify = nn.Linear(d, 2)

    def forward(self, ids):
        prompt = self.prompt.expand(len(ids), -1, -1)
        h = self.body(torch.cat([prompt, self.embed(ids)], 1))
        pooled = h[:, 0]
        return self.classify(pooled), pooled


model = Prompted()
optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=0.01)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
with Inspector(model) as inspector:
    for step in range(200):
        ids = torch.randint(0, 50, (40, 9))
        label = (ids < 25).sum(1).gt(4).long()
        logits, _ = model(ids)
        loss = criterion(logits, label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
diagnosis = inspector.diagnose()
