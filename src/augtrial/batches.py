"""Which images an update of a training sees."""

import numpy as np

from augtrial import seeds


class BatchOrder:
    """Which images an update sees, computed from the update's number alone.

    Each epoch has an order of its own, drawn from the seed and the epoch's number, so that a
    training goes on after a kill exactly as it would have.
    """

    def __init__(self, size: int, batch: int, *, seed: int, whole: bool) -> None:
        """Take what decides the order.

        Args:
            size: images in the training set.
            batch: images an update.
            seed: of this training.
            whole: True draws full batches on across the ends of epochs; False ends every epoch
                with what is left.
        """
        self.size, self.batch, self.seed, self.whole = size, batch, seed, whole
        self.epochs: dict[int, np.ndarray] = {}

    def of(self, update: int) -> np.ndarray:
        """Return the indices of an update's batch; updates count from 0."""
        size, batch = self.size, self.batch
        if self.whole:
            places = np.arange(update * batch, (update + 1) * batch)
        else:
            per_epoch = -(-size // batch)
            start = update // per_epoch * size + update % per_epoch * batch
            places = np.arange(start, min(start + batch, (update // per_epoch + 1) * size))
        epochs = places // size
        return np.concatenate(
            [self._epoch(int(e))[places[epochs == e] % size] for e in np.unique(epochs)]
        )

    def _epoch(self, epoch: int) -> np.ndarray:
        if epoch not in self.epochs:
            if len(self.epochs) > 1:
                self.epochs.clear()  # only the epoch at hand and the next are ever asked for
            own = seeds.generator(self.seed, "order", epoch)
            self.epochs[epoch] = own.permutation(self.size)
        return self.epochs[epoch]
