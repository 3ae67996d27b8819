"""A small language model whose output head is tied to its embedding.

expect: healthy
"""

import torch
import torch.nn.functional as F
from torch import nn

from collapse_doctor import Inspector


class TinyLM(nn.Module):
    def __init__(self, vocab=60, d=32):
        super().__init__()
        self.wte = nn.Embedding(vocab, d)
        nn.init.normal_(self.wte.weight, std=0.1)
        self.wpe = nn.Embedding(16, d)
        self.block = nn.TransformerEncoderLayer(d, 4, 64, 0.0, batch_first=True, norm_first=True)
        self.ln_f = nn.LayerNorm(d)
        self.lm_head = nn.Linear(d, vocab, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, idx):
        t = idx.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(t)
        h = self.block(self.wte(idx) + self.wpe(torch.arange(t)), src_mask=mask, is_causal=True)
        return self.lm_head(self.ln_f(h))


model = TinyLM()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
with Inspector(model) as inspector:
    for _ in range(50):
        start, stride = torch.randint(0, 60, (16, 1)), torch.randint(1, 4, (16, 1))
        text = (start + stride * torch.arange(17)) % 60
        logits = model(text[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
