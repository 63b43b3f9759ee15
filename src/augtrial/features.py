"""Feature spaces in which synthetic images are held against real ones.

A feature extractor has never seen a synthetic image nor a held-out patient: either it is the
classifier of an arm without synthetic images, trained on the training folds, or it comes from
elsewhere, by path. Its name stands in the name of every measure.
"""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from augtrial.classifier import Classifier, predict
from augtrial.errors import UserError

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # what torchvision's networks expect
HEADS = ("fc", "classifier", "heads", "head")  # names of torchvision's last layers
BATCH = 32


class ClassifierFeatures:
    """The last layer of a study's own classifier, before the scores; it sees each image once.

    Every measure asks for the features of the same lesions and samples.
    """

    name = "classifier features"

    def __init__(self, network: Classifier) -> None:
        """Take a trained classifier."""
        self.network = network
        self.seen: dict[bytes, tuple[np.ndarray, np.ndarray]] = {}

    def of(self, images: np.ndarray) -> np.ndarray:
        """Return features [n, d] of uint8 images [n, s, s]."""
        return self._predicted(images)[1]

    def called(self, images: np.ndarray) -> np.ndarray:
        """Return the index of the class that each of the images is taken for: [n]."""
        return self._predicted(images)[0].argmax(axis=1)

    def _predicted(self, images: np.ndarray) -> list[np.ndarray]:
        keys = [image.tobytes() for image in images]
        new = {k: image for k, image in zip(keys, images, strict=True) if k not in self.seen}
        if new:
            found = zip(*predict(self.network, np.stack(list(new.values()))), strict=True)
            self.seen |= zip(new, found, strict=True)
        return [np.stack(rows) for rows in zip(*(self.seen[key] for key in keys), strict=True)]


class TorchvisionFeatures:
    """The last layer of a torchvision network whose weights lie in a file."""

    def __init__(self, path: str | Path, architecture: str) -> None:
        """Build the network and load the state dict.

        Raises:
            UserError: there is no such network or file, or the weights are of another network.
        """
        from torchvision import models

        if architecture not in models.list_models(module=models):
            raise UserError(f"fidelity.architecture: torchvision has no network '{architecture}'")
        network = models.get_model(architecture, weights=None)
        head = next(name for name in HEADS if hasattr(network, name))
        try:
            state = dict(torch.load(path, map_location="cpu", weights_only=True).items())
        except FileNotFoundError:
            raise UserError(f"fidelity.weights: {path} does not exist") from None
        except Exception as error:  # torch has many ways to say that this is no state dict
            raise UserError(f"fidelity.weights: {path} holds no state dict: {error}") from None
        # The head answers another question than ours, in another number of classes.
        state = {key: value for key, value in state.items() if not key.startswith(f"{head}.")}
        try:
            missing, unexpected = network.load_state_dict(state, strict=False)
        except RuntimeError:
            what = f"fidelity.weights: {path} is not of {architecture}: its tensors differ in shape"
            raise UserError(what) from None
        missing = [key for key in missing if not key.startswith(f"{head}.")]
        if missing or unexpected:
            raise UserError(
                f"fidelity.weights: {path} is not of {architecture}: {len(missing)} tensors are "
                f"missing, {len(unexpected)} unexpected, such as {[*missing, *unexpected][0]}"
            )
        setattr(network, head, nn.Identity())
        self.network = network.eval()
        self.name = f"{Path(path).stem} features"

    @torch.no_grad()
    def of(self, images: np.ndarray) -> np.ndarray:
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
            self.of(np.zeros((1, side, side), np.uint8))
        except (AssertionError, RuntimeError, ValueError) as error:
            what = f"fidelity.architecture: the network takes no images of side {side}: {error}"
            raise UserError(what) from None
