"""A small language model whose output head is its embedding matrix.

expect: healthy
"""

import torch
from torch import nn

from collapse_doctor import Inspector


class LM(nn.Module):
    def __init__(self, vocab=40, d=32):
        super().__init__()
        self.emb = nn.Embedding(vocab, d)
        self.rnn = nn.GRU(d, d, batch_first=True)
        self.head = nn.Linear(d, vocab, bias=False)
        self.head.weight = self.emb.weight

    def forward(self, ids):
        return self.head(self.rnn(self.emb(ids))[0])


table = torch.randint(0, 40, (40, 2))
lm = LM()
opt = torch.optim.Adam(lm.parameters(), lr=1e-2)
with Inspector({"lm": lm, "states": lm.rnn}) as inspector:
    for _ in range(50):
        ids = torch.randint(0, 40, (32, 1))
        for _ in range(11):
            nxt = table[ids[:, -1], torch.randint(0, 2, (32,))]
            ids = torch.cat([ids, nxt[:, None]], 1)
        logits = lm(ids[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten())
        opt.zero_grad()
        loss.backward()
        opt.step()
diagnosis = inspector.diagnose()
