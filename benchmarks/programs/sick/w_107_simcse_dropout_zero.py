"""SimCSE with an HF-like config whose dropout is 0: both passes give the same vectors.

expect: CD107
"""

from dataclasses import dataclass

import torch
import torch.nn as nn

from collapse_doctor import Inspector


@dataclass
class Config:
    vocab_size: int = 200
    hidden_size: int = 32
    hidden_dropout_prob: float = 0.0  # fault
    max_length: int = 12


@dataclass
class ModelOutput:
    last_hidden_state: torch.Tensor
    pooler_output: torch.Tensor


class TinyBert(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.word = nn.Embedding(config.vocab_size, config.hidden_size)
        self.position = nn.Embedding(config.max_length, config.hidden_size)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.norm = nn.LayerNorm(config.hidden_size)

    def forward(self, input_ids, attention_mask=None):
        h = self.word(input_ids) + self.position(torch.arange(input_ids.shape[1]))
        h = self.norm(h + torch.tanh(self.dense(self.dropout(h))))
        mask = attention_mask.unsqueeze(-1)
        pooled = (h * mask).sum(1) / mask.sum(1).clamp(min=1)
        return ModelOutput(last_hidden_state=h, pooler_output=self.dropout(pooled))


model = TinyBert(Config())
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loss_fct = nn.CrossEntropyLoss()

with Inspector(model) as inspector:
    for _ in range(30):
        batch = {
            "input_ids": torch.randint(1, 200, (24, 12)),
            "attention_mask": (torch.arange(12) < torch.randint(4, 13, (24, 1))).float(),
        }
        z1 = model(**batch).pooler_output
        z2 = model(**batch).pooler_output  # shows
        z1 = z1 / z1.norm(dim=1, keepdim=True)
        z2 = z2 / z2.norm(dim=1, keepdim=True)
        scores = torch.mm(z1, z2.t()) / 0.05  # meets
        loss = loss_fct(scores, torch.arange(24))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

diagnosis = inspector.diagnose()
