from __future__ import annotations

import pytest
import torch

from collapse_doctor.cases.data import augment, digit_batches, digits, seeded, wines
from collapse_doctor.cases.generated import communities, interactions, waves
from collapse_doctor.cases.texts import LENGTH, WORDS, sentences


def test_the_split_parts_all_digits() -> None:
    train, train_labels = digits()
    held_out, held_out_labels = digits(train=False)
    assert train.shape == (1500, 1, 8, 8)
    assert held_out.shape == (297, 1, 8, 8)
    labels = torch.cat([train_labels, held_out_labels])
    # The composition of the data set, as its description gives it.
    assert torch.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    # No scan is in it twice, so none is on both sides of the split.
    assert len(torch.unique(torch.cat([train, held_out]).flatten(1), dim=0)) == 1797


def test_larger_digits_are_the_same_digits() -> None:
    small, labels = digits()
    large, same_labels = digits(size=32)
    assert large.shape == (1500, 1, 32, 32)
    assert torch.equal(labels, same_labels)
    assert 0 <= float(large.min()) <= float(large.max()) <= 1
    torch.testing.assert_close(large.mean((1, 2, 3)), small.mean((1, 2, 3)), atol=0.02, rtol=0)


def test_batches_are_whole_shuffled_and_follow_the_seed() -> None:
    def drawn(seed: int) -> list[int]:
        with seeded(seed) as generator:
            return [int(label) for _, labels in digit_batches(generator) for label in labels]

    assert len(drawn(0)) == 1500 // 64 * 64
    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


@pytest.mark.usefixtures("draws_nothing")
def test_seeded_leaves_the_random_numbers_of_the_caller() -> None:
    with seeded(3) as generator:
        one = torch.rand(4), torch.rand(4, generator=generator)
    with seeded(3) as generator:
        other = torch.rand(4), torch.rand(4, generator=generator)
    assert torch.equal(one[0], other[0])
    assert torch.equal(one[1], other[1])


def test_a_view_is_the_image_shifted_by_one_pixel_at_most() -> None:
    images = torch.zeros(500, 1, 8, 8)
    images[:, 0, 4, 3] = 10.0  # far above the noise
    brightest = augment(images, torch.Generator().manual_seed(0)).flatten(1).argmax(1)
    rows, columns = brightest // 8, brightest % 8
    assert set((rows - 4).tolist()) == {-1, 0, 1}
    assert set((columns - 3).tolist()) == {-1, 0, 1}


def test_wines_are_standardised() -> None:
    values, cultivars = wines()
    assert values.shape == (178, 13)
    assert values.dtype == torch.float32
    torch.testing.assert_close(values.mean(0), torch.zeros(13), atol=1e-6, rtol=0)
    torch.testing.assert_close(values.std(0), torch.ones(13))
    assert torch.bincount(cultivars).tolist() == [59, 71, 48]


def test_sentences_have_words_from_several_texts() -> None:
    ids, sources = sentences()
    assert ids.shape == (len(sources), LENGTH)
    assert len(ids) > 300
    assert len(sources.unique()) > 5
    assert ids.max() < WORDS
    assert ((ids > 0).sum(1) >= 4).all()
    assert (ids > 1).float().sum() > 0.5 * (ids > 0).float().sum()  # rare words are the exception


def test_a_graph_has_more_edges_within_its_groups() -> None:
    adjacency, features, labels = communities(torch.Generator().manual_seed(0))
    torch.testing.assert_close(adjacency.sum(1), torch.ones(len(labels)))
    assert features.shape == (len(labels), 32)
    edges = (adjacency > 0).float()
    same = (labels[:, None] == labels).float()
    assert (edges * same).sum() / same.sum() > 5 * (edges * (1 - same)).sum() / (1 - same).sum()


def test_waves_turn_as_often_as_their_label_says() -> None:
    values, labels = waves(torch.Generator().manual_seed(0))
    spectrum = torch.fft.rfft(values[..., 0], dim=1).abs()[:, 1:]
    assert (spectrum.argmax(1) == labels).float().mean() > 0.9


def test_users_who_share_a_taste_like_the_same_items() -> None:
    users, items = interactions(torch.Generator().manual_seed(0))
    table = torch.zeros(int(users.max()) + 1, int(items.max()) + 1)
    table[users, items] = 1
    shared = torch.linalg.svdvals(table - table.mean(0))
    drawn = table.flatten()[torch.randperm(table.numel())].reshape(table.shape)
    assert shared[0] > 1.5 * torch.linalg.svdvals(drawn - drawn.mean(0))[0]
