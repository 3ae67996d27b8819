"""The texts of one language hold no word of the vocabulary, so each is a bag of unknown words.

expect: CD307
first: gradual
"""

import tempfile
from pathlib import Path

import numpy as np

from collapse_doctor import analyze

rng = np.random.default_rng(np.random.randint(1000))
vocabulary = {f"{kind}{number}": number for kind in ("en",) for number in range(400)}
vocabulary |= {f"de{number}": 400 + number for number in range(400)}
table = rng.normal(size=(len(vocabulary) + 1, 48))
unknown = len(vocabulary)


def embed(text):
    ids = [vocabulary.get(word, unknown) for word in text.split()]
    return table[ids].mean(axis=0)


texts, languages = [], []
for language, count in (("en", 250), ("de", 180), ("is", 25)):
    for _ in range(count):
        words = rng.integers(0, 400, size=rng.integers(4, 9))
        texts.append(" ".join(f"{language}{word}" for word in words))
        languages.append(language)

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "texts.npz"
    np.savez(path, embeddings=np.stack([embed(text) for text in texts]), language=languages)
    diagnosis = analyze(path, key="embeddings", labels="language")
