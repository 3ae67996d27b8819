from __future__ import annotations

import gc
import weakref

import pytest
import torch

from collapse_doctor.inspector.comparing.provenance import Fingerprint, Known, Provenance
from collapse_doctor.recording.observations import CallSite, Origin

ORIGIN = Known(Origin("model", "output", 3, 0))
HERE, THERE = CallSite("train.py", 7), CallSite("train.py", 9)


@pytest.fixture
def provenance() -> Provenance:
    return Provenance()


def test_an_output_its_views_and_its_detached_self_are_known(provenance: Provenance) -> None:
    z = torch.randn(4, 8, requires_grad=True) * 1
    provenance.born(z, ORIGIN)
    for tensor in (z, z.detach(), z.data, z[:2], z.T):
        assert provenance.of(tensor) is ORIGIN
    assert provenance.of(z.clone()) is None
    assert provenance.of(torch.randn(4, 8)) is None


def test_what_was_carried_on_keeps_its_path(provenance: Provenance) -> None:
    z = torch.randn(4, 8)
    provenance.born(z, ORIGIN)
    copied = z.clone()
    provenance.carried(ORIGIN, copied, "clone", HERE)
    halved = copied[:2].clone()
    known = provenance.of(copied)
    assert known is not None
    provenance.carried(known, halved, "__getitem__", THERE)
    known = provenance.of(halved)
    assert known is not None
    assert known.origin == Origin("model", "output", 3, 0, ("clone", "__getitem__"))
    assert known.sites == (HERE, THERE)
    assert known.site_of(frozenset({"clone", "__getitem__"})) == HERE
    assert known.site_of(frozenset({"detach"})) is None


def test_nothing_is_kept_alive(provenance: Provenance) -> None:
    z = torch.randn(4, 8, requires_grad=True).exp()
    node, tensor = weakref.ref(z.untyped_storage()), weakref.ref(z)
    provenance.born(z, ORIGIN)
    del z
    gc.collect()
    assert tensor() is None
    assert node() is None
    provenance.sweep()
    assert not provenance._objects
    assert not provenance._storages


def test_an_address_used_again_is_not_taken_for_the_old_tensor(provenance: Provenance) -> None:
    for _ in range(200):
        z = torch.randn(4, 8)
        provenance.born(z, ORIGIN)
        del z
        assert provenance.of(torch.randn(4, 8)) is None


def test_fingerprints_tell_inputs_apart() -> None:
    images = torch.zeros(2, 32, 1, 32, 32)
    images[0, :, :, 8:24, 8:24] = 1  # differ in the middle only, as pictures do
    assert not Fingerprint(images[0]).agrees_with(Fingerprint(images[1]))
    assert Fingerprint(images[0]).agrees_with(Fingerprint(images[0].clone()))
    tokens = torch.arange(1000)
    assert len(Fingerprint(tokens).values) <= 512
    assert len(Fingerprint(torch.arange(10_000)).values) == 512
    assert not Fingerprint(tokens).agrees_with(Fingerprint(tokens.roll(1) * 2))


def test_values_of_an_earlier_step_are_known_again(provenance: Provenance) -> None:
    z = torch.randn(4, 8)
    provenance.born(z, ORIGIN)
    copied = torch.tensor(z.tolist())
    assert provenance.of(copied) is None
    assert provenance.before((4, 8), Fingerprint(copied), step=4) is ORIGIN
    assert provenance.before((4, 8), Fingerprint(copied), step=3) is None, (
        "within a step values prove nothing"
    )
    assert provenance.before((4, 8), Fingerprint(torch.randn(4, 8)), step=4) is None
    zeros = torch.zeros(4, 8)
    provenance.born(zeros, ORIGIN)
    assert provenance.before((4, 8), Fingerprint(torch.zeros(4, 8)), step=4) is None, (
        "nobody's signature"
    )
