"""Make the sample files: real trainings on scikit-learn's digits and wines, each a few seconds.

Run ``python sample_checkpoints/make.py`` to make them all anew. Everything is seeded: the verdicts
are the same everywhere, the bytes on the same machine with the same PyTorch (but for the time a
recording was made).
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from collapse_doctor.cases import find_case
from collapse_doctor.cases.data import augment, digit_batches, digits, seeded, wines

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

Objective = Callable[[Tensor, Tensor, torch.Generator], Tensor]
"""The loss of one batch: images, labels, and what to draw views from."""


def encoder(*head: nn.Module, normalised: bool = False) -> nn.Sequential:
    """Return a small convolutional network for 8×8 images that ends in ``head``."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1),
        nn.BatchNorm2d(32) if normalised else nn.Identity(),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1),
        nn.BatchNorm2d(64) if normalised else nn.Identity(),
        nn.ReLU(),
        nn.Flatten(),
        *head,
    )


def train(
    model: nn.Module,
    objective: Objective,
    generator: torch.Generator,
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer | None = None,
) -> None:
    """Train on the digits; with Adam unless told otherwise."""
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for images, labels in digit_batches(generator):
            loss = objective(images, labels, generator)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()


@torch.no_grad()
def embed(model: nn.Module) -> tuple[Tensor, Tensor]:
    """Return the embeddings of the 1 500 training digits, and their labels."""
    images, labels = digits()
    vectors: Tensor = model.eval()(images)
    return vectors, labels


def views(model: nn.Module, images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return the embeddings of two random views of each image."""
    both = torch.cat([augment(images, generator), augment(images, generator)])
    one, other = model(both).chunk(2)
    return one, other


def pull(one: Tensor, other: Tensor) -> Tensor:
    """Return 1 - cos of the pairs: satisfied by one vector for all."""
    return (1 - F.cosine_similarity(one, other)).mean()


def info_nce(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Return the loss of telling each row's partner from those of all other rows."""
    logits = F.normalize(one, dim=1) @ F.normalize(other, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(one)))


def healthy(path: Path) -> None:
    """Pull views of one digit together, push those of different digits apart by a margin."""
    with seeded(0) as generator:
        model = encoder(nn.Linear(64 * 4 * 4, 64))

        def objective(images: Tensor, _labels: Tensor, generator: torch.Generator) -> Tensor:
            one, other = views(model, images, generator)
            negatives = F.cosine_similarity(one, other.roll(1, dims=0))
            return pull(one, other) + F.relu(negatives - 0.2).mean()

        train(model, objective, generator, epochs=6)
        vectors, labels = embed(model)
    torch.save({"embeddings": vectors, "labels": labels}, path)


def healthy_wine(path: Path) -> None:
    """Tell noisy views of each wine from those of all others (InfoNCE)."""
    table, cultivars = wines()
    with seeded(0) as generator:
        model = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 16))
        optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
        for _ in range(120):
            rows = table[torch.randperm(len(table), generator=generator)[:64]]
            one, other = (
                model(rows + 0.3 * torch.randn(rows.shape, generator=generator)) for _ in range(2)
            )
            loss = info_nce(one, other, temperature=0.5)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    vectors = model(table).detach()
    np.savez(path, embeddings=vectors.numpy(), labels=cultivars.numpy())


def complete_collapse(path: Path) -> None:
    """Pull views together and never push apart; saved normalised, as for a cosine index."""
    with seeded(0) as generator:
        model = encoder(nn.Linear(64 * 4 * 4, 64))
        train(model, lambda x, _, g: pull(*views(model, x, g)), generator, epochs=6)
        vectors, _ = embed(model)
    np.save(path, F.normalize(vectors, dim=1).numpy())


def dimensional_collapse(path: Path) -> None:
    """Train InfoNCE through a deep linear projector with weight decay, which keeps few directions.

    The cause is the one of Jing et al., "Understanding Dimensional Collapse in Contrastive
    Self-supervised Learning", ICLR 2022: implicit regularisation by overparametrised layers.
    """
    with seeded(0) as generator:
        linear = [nn.Linear(256, 256) for _ in range(4)]
        head = nn.Linear(64 * 4 * 4, 256), *linear, nn.Linear(256, 128)
        model = encoder(*head, normalised=True)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-3)

        def objective(images: Tensor, _labels: Tensor, generator: torch.Generator) -> Tensor:
            return info_nce(*views(model, images, generator), temperature=1.0)

        train(model, objective, generator, epochs=12, optimizer=optimizer)
        vectors, _ = embed(model)
    save_file({"embeddings": vectors.contiguous()}, path)


def narrow_cone(path: Path) -> None:
    """Train Euclidean triplets, which a common mean does not trouble, on positive outputs."""
    with seeded(0) as generator:
        model = encoder(nn.Linear(64 * 4 * 4, 64), nn.Softplus())

        def objective(images: Tensor, _labels: Tensor, generator: torch.Generator) -> Tensor:
            one, other = views(model, images, generator)
            return F.triplet_margin_loss(one, other, other.roll(1, dims=0), margin=0.2)

        train(model, objective, generator, epochs=10)
        vectors, labels = embed(model)
    np.savez(path, embeddings=vectors.numpy(), labels=labels.numpy())


def class_collapse(path: Path) -> None:
    """Train a classifier to the end; the embedding is what its last layer reads."""
    with seeded(0) as generator:
        head = nn.Linear(64 * 4 * 4, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64)
        model = encoder(*head, normalised=True)
        classifier = nn.Linear(64, 10)
        parameters = [*model.parameters(), *classifier.parameters()]
        optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, weight_decay=5e-3)

        def objective(images: Tensor, labels: Tensor, _generator: torch.Generator) -> Tensor:
            return F.cross_entropy(classifier(model(images)), labels)

        train(model, objective, generator, epochs=40, optimizer=optimizer)
        vectors, labels = embed(model)
    torch.save({"embeddings": vectors, "labels": labels}, path)


def aliased_recording(path: Path) -> None:
    """Record the case ``aliased-loop``, with file names as seen from the root of the project."""
    find_case("aliased-loop").run(out=path)
    for log in path.glob("*.json*"):
        log.write_text(log.read_text().replace(f"{ROOT}/", ""))


def model_checkpoint(path: Path) -> None:
    """Save the weights of a network, where embeddings are wanted."""
    with seeded(0):
        torch.save(encoder(nn.Linear(64 * 4 * 4, 16)).state_dict(), path)


SAMPLES: Mapping[str, Callable[[Path], None]] = {
    "healthy.pt": healthy,
    "healthy_wine.npz": healthy_wine,
    "complete_collapse.npy": complete_collapse,
    "dimensional_collapse.safetensors": dimensional_collapse,
    "narrow_cone.npz": narrow_cone,
    "class_collapse.pt": class_collapse,
    "aliased_loop": aliased_recording,
    "model_checkpoint.pt": model_checkpoint,
}


def make(name: str, folder: Path) -> Path:
    """Make one sample in ``folder``, in place of an earlier one, and return its path."""
    path = folder / name
    if path.is_dir():
        shutil.rmtree(path)
    SAMPLES[name](path)
    return path


def main() -> int:
    """Make the samples that are named, or all."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(SAMPLES))
    parser.add_argument("--out", type=Path, default=HERE, metavar="FOLDER")
    options = parser.parse_args()
    if unknown := set(options.names) - set(SAMPLES):
        parser.error(f"expected names among {', '.join(SAMPLES)}, got {', '.join(unknown)}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.names or SAMPLES:
        path = make(name, options.out)
        files = [file for file in path.rglob("*") if file.is_file()] or [path]
        print(f"{name}: {sum(file.stat().st_size for file in files) / 1000:.0f} kB", flush=True)
    return 0


if __name__ == "__main__":
    torch.set_num_threads(1)  # the order of a sum decides its last digits
    sys.exit(main())
