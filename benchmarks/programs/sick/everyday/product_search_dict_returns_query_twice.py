"""The two-tower model returns the query vector under both keys of its output dictionary.

expect: CD101
"""

from dataclasses import dataclass

import torch
from torch import nn

from collapse_doctor import Inspector


@dataclass
class Config:
    vocab: int = 300
    n_products: int = 120
    width: int = 48
    out: int = 32
    batch: int = 56
    steps: int = 50
    lr: float = 2e-3


class ProductSearch(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.words = nn.EmbeddingBag(cfg.vocab, cfg.width, mode="mean")
        self.products = nn.Embedding(cfg.n_products, cfg.width)
        self.query_head = nn.Sequential(nn.Linear(cfg.width, 64), nn.GELU(), nn.Linear(64, cfg.out))
        self.product_head = nn.Sequential(
            nn.Linear(cfg.width, 64), nn.GELU(), nn.Linear(64, cfg.out)
        )

    def forward(self, tokens, product_ids):
        q = self.query_head(self.words(tokens))
        d = self.product_head(self.products(product_ids))
        return {"query": q, "product": q}  # fault


def make_batch(cfg, product_words):
    ids = torch.randint(cfg.n_products, (cfg.batch,))
    tokens = product_words[ids][:, torch.randperm(12)[:5]]
    target = torch.ones(cfg.batch)
    wrong = torch.rand(cfg.batch) < 0.5
    ids = torch.where(wrong, torch.randint(cfg.n_products, (cfg.batch,)), ids)
    target[wrong] = -1.0
    return tokens, ids, target


def main():
    cfg = Config()
    product_words = torch.randint(cfg.vocab, (cfg.n_products, 12))
    model = ProductSearch(cfg)
    opt = torch.optim.AdamW(model.parameters(), lr=cfg.lr)
    criterion = nn.CosineEmbeddingLoss(margin=0.2)
    with Inspector(model) as inspector:
        for step in range(cfg.steps):
            tokens, ids, target = make_batch(cfg, product_words)
            out = model(tokens, ids)
            loss = criterion(out["query"], out["product"], target)  # meets
            opt.zero_grad()
            loss.backward()
            opt.step()
            if step % 10 == 0:
                print(step, round(loss.item(), 4))
    return inspector.diagnose()


if __name__ == "__main__":
    diagnosis = main()
