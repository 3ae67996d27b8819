from __future__ import annotations

import pytest

from collapse_doctor.inspector.comparing.roles import is_copy_of


@pytest.mark.parametrize(
    ("name", "other", "expected"),
    [
        ("teacher", "student", "copy"),
        ("self.target_encoder", "self.online_encoder", "copy"),
        ("emaModel", "model", "copy"),
        ("nets['momentum']", "nets['base']", "copy"),
        ("model.encoder_k", "model.encoder_q", "key"),
        ("key_encoder", "query_encoder", "key"),
        ("student", "teacher", ""),  # asked the other way round
        ("teacher_a", "teacher_b", ""),
        ("target_embedding", "source_embedding", ""),
        ("tgt", "src", ""),
        ("left", "right", ""),
        ("keyboard", "mouse", ""),
        ("teacher.0", "student.0", ""),  # parts of what was told already
    ],
)
def test_what_names_say(name: str, other: str, expected: str) -> None:
    assert is_copy_of(name, other) == expected
