"""Sentences that are on every machine: what scikit-learn says of its data sets."""

from __future__ import annotations

import functools
import re
from collections import Counter
from importlib import resources

import torch
from torch import Tensor

__all__ = ["LENGTH", "WORDS", "sentences"]

LENGTH = 16
"""Words of a sentence at most; shorter ones are padded with 0."""

WORDS = 512
"""Size of the vocabulary: 0 is padding, 1 every word that is not among the most frequent."""


@functools.cache
def sentences() -> tuple[Tensor, Tensor]:
    """Return sentences and the text each comes from.

    Returns
    -------
    ids
        (n, LENGTH) int64: words by frequency from 2 on; 0 is padding, 1 a rare word.
    sources
        (n,) int64: the data set whose description the sentence is from.
    """
    found = [
        (words, source)
        for source, text in enumerate(_descriptions())
        for sentence in re.split(r"[.:;]\s|\n\s*\n", text)
        if len(words := re.findall(r"[a-z]{2,}", sentence.lower())[:LENGTH]) >= 4
    ]
    counts = Counter(word for words, _ in found for word in words)
    known = {word: at for at, (word, _) in enumerate(counts.most_common(WORDS - 2), start=2)}
    ids = torch.zeros(len(found), LENGTH, dtype=torch.int64)
    for row, (words, _) in enumerate(found):
        ids[row, : len(words)] = torch.tensor([known.get(word, 1) for word in words])
    return ids, torch.tensor([source for _, source in found])


def _descriptions() -> list[str]:
    folder = resources.files("sklearn.datasets.descr")
    files = sorted((file.name, file) for file in folder.iterdir() if file.name.endswith(".rst"))
    return [file.read_text(encoding="utf-8") for _, file in files]
