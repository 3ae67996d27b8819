"""Labels and losses as they are handed to ``inspector.step``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from collapse_doctor.recording.observations import Labels, Loss

__all__ = ["describe_labels", "describe_loss"]


def describe_labels(
    labels: Any, step: int, batch: int | None, sizes: tuple[int, ...] = ()
) -> Labels:
    """Summarise the labels of one step.

    ``labels`` is a scalar, or any sequence, array or tensor whose first dimension is the batch
    (further dimensions, as of one-hot labels, belong to one label). ``batch`` is the number of
    embedding rows of the step, ``sizes`` what else they may be as many as.
    """
    values = _as_array(labels)
    if values.ndim == 0:
        return Labels(step, 1, 1, batch, _word(values), scalar=True, sizes=sizes)
    rows = values.reshape(len(values), -1) if len(values) else values.reshape(0, 1)
    distinct = len(np.unique(rows, axis=0)) if rows.shape[1] > 1 else len(np.unique(rows))
    word = _word(values[0]) if distinct == 1 else ""
    return Labels(step, len(values), distinct, batch, word, sizes=sizes)


def _as_array(labels: Any) -> np.ndarray:
    if isinstance(labels, Tensor):
        values = labels.detach().cpu()
        return (values.float() if values.is_floating_point() else values).numpy()
    if isinstance(labels, Sequence) and not isinstance(labels, str) and len(labels):
        if all(isinstance(label, Tensor) and label.dim() == 0 for label in labels):
            return _as_array(torch.stack(list(labels)))
        if not np.isscalar(labels[0]):
            return np.asarray([str(label) for label in labels])
    return np.asarray(labels)


def _word(value: Any) -> str:
    return str(value.tolist() if isinstance(value, np.ndarray | np.generic) else value)[:40]


def describe_loss(loss: Any, step: int) -> Loss:
    """Return the loss of one step as a number; None if it is not finite. A tensor is averaged."""
    value = float(loss.detach().float().mean()) if isinstance(loss, Tensor) else float(loss)
    return Loss(step, value if math.isfinite(value) else None)
