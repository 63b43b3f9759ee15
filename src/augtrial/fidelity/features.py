"""Feature spaces in which synthetic images are compared with real ones (docs/fidelity.md)."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from augtrial.core.errors import UserError
from augtrial.tasks.classification.cnn import predict
from augtrial.tasks.classification.interface import Network
from augtrial.tasks.classification.networks.torchvision import load_weights, torchvision_network

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # what torchvision's networks expect
HEADS = ("fc", "classifier", "heads", "head")  # names of torchvision's last layers
BATCH = 32


class ClassifierFeatures:
    """The last layer of a classifier of this study, before the scores.

    Every measure asks for the features of the same images, so they are kept.
    """

    name = "classifier features"

    def __init__(self, network: Network) -> None:
        self.network = network
        self.known: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def extract(self, images: np.ndarray) -> np.ndarray:
        """Return features [n, d] of uint8 images [n, s, s]."""
        return self._predicted(images)[1]

    def predict_classes(self, images: np.ndarray) -> np.ndarray:
        """Return the index of each image's predicted class: [n]."""
        return self._predicted(images)[0].argmax(axis=1)

    def _predicted(self, images: np.ndarray) -> list[np.ndarray]:
        keys = [image.tobytes() for image in images]
        new = {k: image for k, image in zip(keys, images, strict=True) if k not in self.known}
        if new:
            found = zip(*predict(self.network, np.stack(list(new.values()))), strict=True)
            self.known |= zip(new, found, strict=True)
        return [np.stack(rows) for rows in zip(*(self.known[key] for key in keys), strict=True)]


class TorchvisionFeatures:
    """The last layer of a torchvision network whose weights lie in a file."""

    def __init__(self, path: str | Path, architecture: str) -> None:
        """Build the network and load the state dict, but for its head.

        Raises:
            UserError: there is no such network or file, or the weights are of another network.
        """
        network = torchvision_network(architecture, 1000, "fidelity")
        head = next(name for name in HEADS if hasattr(network, name))
        load_weights(network, path, architecture, head, "fidelity")
        setattr(network, head, nn.Identity())
        self.network = network.eval()
        self.name = f"{Path(path).stem} features"

    @torch.no_grad()
    def extract(self, images: np.ndarray) -> np.ndarray:
        """Return features [n, d] of uint8 images [n, s, s], shown as grey in three channels."""
        mean, spread = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, SPREAD))
        found = []
        for start in range(0, len(images), BATCH):
            batch = torch.from_numpy(images[start : start + BATCH])[:, None].float() / 255
            found.append(self.network((batch.expand(-1, 3, -1, -1) - mean) / spread).flatten(1))
        return torch.cat(found).numpy()

    def check(self, side: int) -> None:
        """Raise UserError where the network takes no images of this side."""
        try:
            self.extract(np.zeros((1, side, side), np.uint8))
        except (AssertionError, RuntimeError, ValueError) as error:
            what = f"fidelity.architecture: the network takes no images of side {side}: {error}"
            raise UserError(what) from None
