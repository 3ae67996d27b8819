"""A dual encoder that returns a dict, trained on matching captions only.

expect: CD208
"""

import torch
from torch import nn
from torch.nn import functional as F

from collapse_doctor import Inspector


class DualEncoder(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.vision = nn.Sequential(nn.Linear(50, 64), nn.GELU(), nn.Linear(64, dim))
        self.words = nn.Embedding(120, 48)
        self.text = nn.Linear(48, dim)

    def forward(self, pixel_values, input_ids):
        image = self.vision(pixel_values)
        text = self.text(self.words(input_ids).mean(dim=1))
        return {"image_embeds": image, "text_embeds": text}


class ContrastiveTrainer:
    def __init__(self, model, optimizer):
        self.model, self.optimizer = model, optimizer

    def compute_loss(self, inputs):
        out = self.model(**inputs)
        similarity = F.cosine_similarity(out["image_embeds"], out["text_embeds"])  # fault # meets
        return (1 - similarity).mean()

    def train(self, batches):
        for inputs in batches:
            loss = self.compute_loss(inputs)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()


def batches(count):
    pictures, captions = torch.randn(60, 50), torch.randint(0, 120, (60, 7))
    for _ in range(count):
        i = torch.randint(0, 60, (32,))
        noise = 0.3 * torch.randn(32, 50)
        yield {"pixel_values": pictures[i] + noise, "input_ids": captions[i]}


model = DualEncoder()
trainer = ContrastiveTrainer(model, torch.optim.AdamW(model.parameters(), lr=1e-3))
with Inspector(model) as inspector:
    trainer.train(batches(60))
diagnosis = inspector.diagnose()
