"""validate() switches to eval() and nobody switches back: the two dropout passes over the same sentence become identical.

expect: CD107
first: 20
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

from collapse_doctor import Inspector

VALIDATE_EVERY = 20


class ConvSentenceEncoder(nn.Module):
    def __init__(self, vocab=240, emb=40, filters=24, out=45, p=0.2):
        super().__init__()
        self.embedding = nn.Embedding(vocab, emb)
        self.convs = nn.ModuleList([nn.Conv1d(emb, filters, k, padding=k // 2) for k in (1, 3, 5)])
        self.dropout = nn.Dropout(p)
        self.out = nn.Linear(3 * filters, out)

    def forward(self, ids):
        x = self.dropout(self.embedding(ids)).transpose(1, 2)
        pooled = [torch.tanh(conv(x)).mean(dim=2) for conv in self.convs]
        return self.out(self.dropout(torch.cat(pooled, dim=1)))


class UnsupervisedTrainer:
    def __init__(self, model, train_ids, valid_pairs):
        self.model, self.train_ids, self.valid_pairs = model, train_ids, valid_pairs
        self.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def compute_loss(self, ids):
        query, key = self.model(ids), self.model(ids)  # shows
        scores = F.normalize(query, dim=1) @ F.normalize(key, dim=1).T  # meets
        return F.cross_entropy(scores * 15.0, torch.arange(len(ids)))

    @torch.no_grad()
    def validate(self):
        self.model.eval()  # fault
        left, right = self.valid_pairs
        hit = (
            F.normalize(self.model(left), dim=1) @ F.normalize(self.model(right), dim=1).T
        ).argmax(1)
        return (hit == torch.arange(len(left))).float().mean().item()

    def train(self, steps, batch_size=48):
        self.model.train()
        for step in range(steps):
            rows = torch.randperm(len(self.train_ids))[:batch_size]
            loss = self.compute_loss(self.train_ids[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            if (step + 1) % VALIDATE_EVERY == 0:
                print(f"step {step + 1} loss {loss.item():.4f} retrieval {self.validate():.2f}")


sentences = torch.randint(0, 240, (700, 12))
paraphrase = sentences[:60].clone()
paraphrase[:, ::4] = torch.randint(0, 240, (60, 3))
trainer = UnsupervisedTrainer(ConvSentenceEncoder(), sentences, (sentences[:60], paraphrase))
with Inspector(trainer.model) as inspector:
    trainer.train(steps=60)
diagnosis = inspector.diagnose()
