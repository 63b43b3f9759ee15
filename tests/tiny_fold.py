"""The training parts of a fold as files, and what its jobs have trained."""

from collections import Counter
from pathlib import Path

import numpy as np

from augtrial.core.io import write_arrays
from augtrial.imaging.context import Context, write_contexts
from augtrial.imaging.resampler import CropFrame

CLASSES = ("across", "along")
LESIONS = 12  # of each part


class TinyFold:
    """Two training parts of striped lesions, with two variants each."""

    def __init__(self, folder: Path, images: np.ndarray, labels: np.ndarray) -> None:
        """Write the parts: the first lesions of each half of the images."""
        self.folder, self.checkpoints = folder, folder / ".checkpoints"
        self.index = np.array([*range(LESIONS), *range(40, 40 + LESIONS)])
        self.images, self.labels = images[self.index], labels[self.index]
        for part, path in enumerate(self.parts):
            mine = slice(part * LESIONS, (part + 1) * LESIONS)
            names = {
                "lesion_id": np.array([f"L{number}" for number in self.index[mine]]),
                "label": np.take(CLASSES, self.labels[mine]),
            }
            write_arrays(path / "rois.npz", images=self.images[mine], **names)
            variants = np.stack([self.images[mine], 255 - self.images[mine]], axis=1)
            np.save(path / "variants.npy", variants)
            write_contexts(path / "contexts.npz", map(surroundings, self.images[mine]))

    @property
    def parts(self) -> list[Path]:
        """Return the folders of the parts."""
        return [self.folder / f"part{part}" for part in (0, 1)]

    def inputs(self) -> dict[str, list[str]]:
        """Return the files that a job of the fold reads, by the names of its arguments."""
        names = {"rois": "rois.npz", "variants": "variants.npy"}
        return {key: [str(part / name) for part in self.parts] for key, name in names.items()}

    def training_images(self, label: str) -> set[bytes]:
        """Return the images of a class that a job of this fold may see."""
        mine = self.images[self.labels == CLASSES.index(label)]
        return {image.tobytes() for image in [*mine, *(255 - mine)]}


def surroundings(image: np.ndarray) -> Context:
    """Return the surroundings of a lesion that fills the middle of its image, and no more."""
    side = len(image)
    region = np.zeros(image.shape, bool)
    region[side // 4 : -side // 4, side // 4 : -side // 4] = True
    frame = CropFrame((side - 1) / 2, (side - 1) / 2, side)
    return Context(np.float32(image / 255), region, frame, side / 2, (0, 0), image.shape)


def checkpoint_times(folder: Path) -> dict[Path, int]:
    """Return the checkpoint of every network in a folder, and when it was written."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/*/*/state.pt")}


def trained_since(folder: Path, before: dict[Path, int]) -> Counter[str]:
    """Return job -> how many networks it has trained since the checkpoints were as `before`.

    A network that is taken from its checkpoint leaves that as it is.
    """
    changed = [path for path, at in checkpoint_times(folder).items() if before.get(path) != at]
    return Counter(path.relative_to(folder).parts[0] for path in changed)
