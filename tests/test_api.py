"""What the public calls refuse before any work is done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from collapse_doctor.api import Inspector, analyze
from collapse_doctor.errors import InputError, UsageError


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "a"
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 4)
    with Inspector(model, out=folder):
        model(torch.randn(8, 4))
    return folder


@pytest.mark.parametrize("option", [{"labels": "y"}, {"labels": [1, 2]}, {"key": "z"}])
def test_what_a_recording_would_ignore_is_refused(recording: Path, option: dict[str, Any]) -> None:
    (name,) = option
    with pytest.raises(UsageError, match=f"expected no {name}, got .*Leave {name} out"):
        analyze(recording, **option)
    assert analyze(recording).subject.kind == "recording"


def test_another_folder_is_for_the_readers_to_judge(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="folder"):
        analyze(tmp_path)
    torch.save(torch.randn(8, 4), tmp_path / "shard0.pt")
    assert analyze(tmp_path).subject.kind == "embeddings"


def test_to_select_what_is_ignored_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one rule"):
        analyze(torch.eye(4), select=["CD301"], ignore=["CD3"])
