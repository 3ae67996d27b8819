"""What lies behind a relation, and what is shared, goes into a folder and comes back."""

from __future__ import annotations

from msgspec.structs import replace

from collapse_doctor.recording.format import decode, decode_manifest, encode, encode_manifest
from collapse_doctor.recording.observations import CallSite, Comparison, Manifest, Relation, Sharing

LINE = CallSite("train.py", 30, "main", "x2 = x1")


def compared(*relations: Relation) -> Comparison:
    return Comparison(3, 7, "F.mse_loss", True, LINE, (), relations)


def test_relations_with_a_line_of_their_own() -> None:
    one = compared(
        Relation("affine", 0, 1, scales=(-2.0, -1.0), offset=0.5),
        Relation("overwritten", 0, 1, site=LINE, operation="zero_"),
    )
    assert decode(encode(one)) == one


def test_numbers_that_are_not_finite_become_none() -> None:
    nan = float("nan")
    one = decode(encode(compared(Relation("affine", 0, 1, scales=(nan, 1.0), offset=nan))))
    assert one == compared(Relation("affine", 0, 1))


def test_what_is_shared_is_in_the_head() -> None:
    shared = Sharing("container", ("m.0", "m.1"), "Linear", 12, "m", site=LINE)
    head = Manifest(1, "2026-01-01T00:00:00+00:00", {}, (), (shared,))
    assert decode_manifest(encode_manifest(head)) == head
    before = encode_manifest(replace(head, shared=()))
    assert decode_manifest(before).shared == ()
