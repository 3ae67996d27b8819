"""Which contractions hold rows against rows."""

from __future__ import annotations

import pytest
import torch

from collapse_doctor.inspector.dimensions.columns import _meets_rows


@pytest.mark.parametrize(
    ("equation", "expected"),
    [
        ("nd,md->nm", True),
        ("i k, j k -> ij", True),
        ("bi,bj->ij", False),
        ("nd,nd->n", False),
        ("nd,dm->nm", False),
    ],
)
def test_rows_meet_rows_where_the_last_index_is_common(equation: str, expected: bool) -> None:
    assert _meets_rows((equation,), [torch.zeros(4, 4), torch.zeros(4, 4)]) is expected


def test_matrices_only() -> None:
    assert not _meets_rows(("nd,md->nm",), [torch.zeros(4, 4), torch.zeros(4)])
    assert not _meets_rows((torch.zeros(4, 4),), [torch.zeros(4, 4), torch.zeros(4, 4)])
