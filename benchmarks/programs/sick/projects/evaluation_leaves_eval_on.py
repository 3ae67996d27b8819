"""A SimCSE project evaluates every twenty steps and never goes back to training mode.

expect: CD107
first: 20
"""

import random

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

from collapse_doctor import Inspector


def sentences(count=640):
    made = []
    for _ in range(count):
        topic = random.randrange(8)
        words = [4 + topic * 10 + random.randrange(10) for _ in range(random.randint(4, 11))]
        made.append({"ids": [1, *words, 2], "topic": topic})
    return made


def collate(samples):
    ids = pad_sequence([torch.tensor(s["ids"]) for s in samples], batch_first=True)
    return {
        "input_ids": ids,
        "attention_mask": (ids != 0).long(),
        "topic": torch.tensor([s["topic"] for s in samples]),
    }


class SentenceEncoder(nn.Module):
    def __init__(self, vocabulary=90, width=32, dropout=0.15):
        super().__init__()
        self.words = nn.Embedding(vocabulary, width, padding_idx=0)
        self.places = nn.Embedding(16, width)
        layer = nn.TransformerEncoderLayer(width, 4, 64, dropout, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.drop = nn.Dropout(dropout)

    def forward(self, input_ids, attention_mask):
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        h = self.drop(self.words(input_ids) + self.places(places))
        h = self.encoder(h, src_key_padding_mask=attention_mask == 0)
        mask = attention_mask.unsqueeze(-1).to(h.dtype)
        return (h * mask).sum(1) / mask.sum(1)


class Trainer:
    def __init__(self, model, train, dev, lr=5e-4, eval_every=20, temperature=0.05):
        self.model, self.dev = model, dev
        self.loader = DataLoader(train, 32, shuffle=True, collate_fn=collate, drop_last=True)
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr)
        self.eval_every, self.temperature, self.step = eval_every, temperature, 0
        self.log, self.best = [], 0.0

    def compute_loss(self, batch):
        inputs = {k: batch[k] for k in ("input_ids", "attention_mask")}
        z1 = self.model(**inputs)
        z2 = self.model(**inputs)
        sim = F.cosine_similarity(z1.unsqueeze(1), z2.unsqueeze(0), dim=-1) / self.temperature
        return F.cross_entropy(sim, torch.arange(len(z1)))

    def evaluate(self):
        self.model.eval()  # fault
        with torch.no_grad():
            batch = collate(self.dev)
            z = F.normalize(self.model(batch["input_ids"], batch["attention_mask"]), dim=1)
            near = (z @ z.T).fill_diagonal_(-1).argmax(1)
            score = (batch["topic"][near] == batch["topic"]).float().mean().item()
        self.best = max(self.best, score)
        return score

    def train(self, epochs):
        self.model.train()
        for _ in range(epochs):
            for batch in self.loader:
                loss = self.compute_loss(batch)
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
                self.optimizer.step()
                self.step += 1
                if self.step % self.eval_every == 0:
                    self.log.append((self.step, loss.item(), self.evaluate()))


random.seed(0)
corpus = sentences()
model = SentenceEncoder()
with Inspector(model) as inspector:
    Trainer(model, corpus[:576], corpus[576:]).train(epochs=3)
diagnosis = inspector.diagnose()
