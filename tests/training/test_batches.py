import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augtrial.training.batches import BatchOrder


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 3))
def test_epochs_show_every_image_once_with_a_small_last_batch(size, batch, seed):
    per_epoch = -(-size // batch)
    for epoch in range(2):
        updates = range(epoch * per_epoch, (epoch + 1) * per_epoch)
        shown = [BatchOrder(size, batch, seed=seed, whole=False).indices(u) for u in updates]
        assert sorted(np.concatenate(shown)) == list(range(size))
        assert all(len(order) == batch for order in shown[:-1])


@given(st.integers(1, 50), st.integers(1, 20), st.integers(0, 3))
def test_full_batches_are_drawn_on_across_the_ends_of_epochs(size, batch, seed):
    order = BatchOrder(size, batch, seed=seed, whole=True)
    drawn = [order.indices(update) for update in range(3 * size)]
    assert {len(order) for order in drawn} == {batch}
    together = np.concatenate(drawn)
    for epoch in range(3):
        assert sorted(together[epoch * size : (epoch + 1) * size]) == list(range(size))
    again = BatchOrder(size, batch, seed=seed, whole=True)  # goes on anywhere, and back
    for update in (3 * size - 1, 0, size):
        assert np.array_equal(again.indices(update), drawn[update])
