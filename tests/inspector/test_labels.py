from __future__ import annotations

import numpy as np
import pytest
import torch

from collapse_doctor.inspector.labels import describe_labels, describe_loss


@pytest.mark.parametrize(
    ("labels", "count", "distinct", "value", "scalar"),
    [
        (torch.tensor(3), 1, 1, "3", True),
        (7, 1, 1, "7", True),
        (torch.tensor([1, 2, 2]), 3, 2, "", False),
        (torch.tensor([2, 2]), 2, 1, "2", False),
        (np.array(["cat", "dog"]), 2, 2, "", False),
        (["cat", "cat"], 2, 1, "cat", False),
        ([torch.tensor(1), torch.tensor(2)], 2, 2, "", False),
        (torch.eye(3)[[0, 1, 1]], 3, 2, "", False),
        (torch.zeros(0), 0, 0, "", False),
        (torch.tensor([1.0, 2.0], dtype=torch.bfloat16), 2, 2, "", False),
        ([torch.tensor([1, 2]), torch.tensor([3])], 2, 2, "", False),
    ],
)
def test_labels_in_the_forms_people_pass(labels, count, distinct, value, scalar) -> None:
    told = describe_labels(labels, step=4, batch=3)
    assert (told.step, told.batch) == (4, 3)
    assert (told.count, told.distinct, told.value, told.scalar) == (count, distinct, value, scalar)


def test_losses() -> None:
    assert describe_loss(torch.tensor(0.5, requires_grad=True), 2).value == 0.5
    assert describe_loss(torch.tensor([1.0, 2.0]), 2).value == 1.5
    assert describe_loss(3, 2).value == 3.0
    assert describe_loss(float("nan"), 2).value is None
    assert describe_loss(torch.tensor(float("inf")), 2).value is None
