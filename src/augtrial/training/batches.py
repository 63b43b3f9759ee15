"""Which images an update of a training learns from."""

import math

import numpy as np

from augtrial.core import seeds


class BatchOrder:
    """The order of a training set's images, computed from the update's number alone."""

    def __init__(self, size: int, batch: int, *, seed: int, whole: bool) -> None:
        """Take the number of images in the set and in an update, and the seed of this training.

        If `whole`, every batch is full, and goes on into the next epoch; otherwise the last batch
        of an epoch is what is left.
        """
        self.size, self.batch, self.seed, self.whole = size, batch, seed, whole
        self.epochs: dict[int, np.ndarray] = {}

    def indices(self, update: int) -> np.ndarray:
        """Return the indices [n] of an update's images; updates count from 0."""
        size, batch = self.size, self.batch
        if self.whole:
            positions = np.arange(update * batch, (update + 1) * batch)
        else:
            per_epoch = math.ceil(size / batch)
            start = update // per_epoch * size + update % per_epoch * batch
            positions = np.arange(start, min(start + batch, (update // per_epoch + 1) * size))
        epochs = positions // size
        return np.concatenate(
            [self._epoch(int(e))[positions[epochs == e] % size] for e in np.unique(epochs)]
        )

    def _epoch(self, epoch: int) -> np.ndarray:
        """Return the order of an epoch: all indices of the training set."""
        if epoch not in self.epochs:
            if len(self.epochs) > 1:
                self.epochs.clear()  # only this epoch and the next are asked for
            generator = seeds.generator(self.seed, "order", epoch)
            self.epochs[epoch] = generator.permutation(self.size)
        return self.epochs[epoch]
