"""How hard the phantom is: rulers, hand-crafted features and the paper's CNN.

Run `python benchmarks/phantom_difficulty.py`: 10 to 20 minutes on one core. Prints the table of
docs/phantom.md. With the word `picture` it draws docs/phantom.png instead. Nothing here
augments or synthesizes: the phantom was tuned on this table and on the picture alone.
"""

import sys
import time
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import SimpleITK
import torch
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from torch import nn

from augtrial.cohort.phantom import cohort as phantom
from augtrial.cohort.phantom.cohort import CLASSES, PhantomLesion, draw_lesions
from augtrial.config.cohort import ClassicSettings, RoiSettings
from augtrial.imaging.roi import extract_context, extract_roi
from augtrial.tasks.classification.baselines import grey_values, texture

matplotlib.use("Agg")

SEED = 0
PAPER = {"cyst": 53, "metastasis": 64, "hemangioma": 65}
COHORTS, TRAIN, TEST = 10, 5000, 1000  # cohorts of the paper's size, and fresh lesions
SIDE = 64
RADIUS = SIDE / 2 / 1.58  # of a lesion in its ROI
EPOCHS, BATCH, RATE = 15, 64, 1e-3


def roi(lesion: PhantomLesion) -> np.ndarray:
    """Return the study's own ROI of the lesion, 64x64 in [0, 1]."""
    context = extract_context(lesion, RoiSettings(), ClassicSettings())
    return extract_roi(context, SIDE).astype(np.float32) / 255


def built_in_cohort() -> Iterator[PhantomLesion]:
    """Yield the lesions of the built-in cohort from its files."""
    with TemporaryDirectory() as folder:
        phantom.write_cohort(Path(folder), seed=SEED, classes=PAPER)
        for row in phantom.cohort_lesions(Path(folder), seed=SEED, classes=PAPER):
            image = SimpleITK.ReadImage(str(row.image))
            volume = SimpleITK.GetArrayFromImage(image).astype(np.float32)
            mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(row.mask))) > 0
            largest = int(np.argmax(mask.sum(axis=(1, 2))))
            pixel = image.GetSpacing()[0]
            yield PhantomLesion(row.label, row.patient_id, volume[largest], mask[largest], pixel)


def diameter_mm(lesion: PhantomLesion) -> float:
    return 2 * np.sqrt(lesion.mask.sum() / np.pi) * lesion.spacing_mm


class Sample:
    """ROIs, labels, patients and simple measurements of some lesions."""

    def __init__(self, lesions: Iterable[PhantomLesion]) -> None:
        drawn = list(lesions)
        self.images = np.array([roi(lesion) for lesion in drawn])
        self.labels = np.array([CLASSES.index(lesion.label) for lesion in drawn])
        self.patients = np.array([lesion.patient_id for lesion in drawn])
        self.sizes = np.array([[np.log(diameter_mm(lesion))] for lesion in drawn])

    @cached_property
    def features(self) -> np.ndarray:
        return np.array([texture(image, RADIUS) for image in self.images])

    @cached_property
    def histograms(self) -> np.ndarray:
        return np.array([grey_values(image, RADIUS) for image in self.images])


def draw(stream: str, total: int) -> Sample:
    """Draw about `total` lesions in the paper's proportions."""
    size = sum(PAPER.values())
    classes = {name: round(total * count / size) for name, count in PAPER.items()}
    return Sample(draw_lesions(seed=SEED, stream=stream, classes=classes))


def cross_validated(inputs: np.ndarray, sample: Sample) -> np.ndarray:
    """Return which lesions an SVM gets right in 3-fold cross-validation by patient."""
    machine = make_pipeline(StandardScaler(), SVC(C=3.0))
    folds = StratifiedGroupKFold(3, shuffle=True, random_state=SEED)
    predicted = cross_val_predict(machine, inputs, sample.labels, groups=sample.patients, cv=folds)
    return predicted == sample.labels


def network() -> nn.Sequential:
    """The paper's classifier: 1,273,347 parameters."""
    layers: list[nn.Module] = []
    for channels, more in ((1, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(channels, more, 3), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(4608, 256), nn.ReLU(), nn.Dropout(0.5), nn.Linear(256, 3)]
    return nn.Sequential(*layers, *head)


def train(sample: Sample) -> nn.Sequential:
    """Train with Adam on standardised ROIs: quicker than the paper's SGD, for difficulty only."""
    torch.manual_seed(SEED)
    net = network().to(memory_format=torch.channels_last)
    inputs = standardised(sample.images)
    labels = torch.from_numpy(sample.labels)
    optimizer = torch.optim.Adam(net.parameters(), lr=RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(inputs)).split(BATCH):
            loss = nn.functional.cross_entropy(net(inputs[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()
    return net.eval()


@torch.inference_mode()
def predict(net: nn.Sequential, sample: Sample) -> np.ndarray:
    inputs = standardised(sample.images)
    return torch.cat([net(batch) for batch in inputs.split(256)]).argmax(1).numpy()


def standardised(images: np.ndarray) -> torch.Tensor:
    """Return ROIs as a batch with a mean near 0 and a spread near 1, by fixed numbers."""
    batch = torch.from_numpy((images - 0.6) / 0.12)[:, None]
    return batch.to(memory_format=torch.channels_last)


def row(name: str, right: np.ndarray, labels: np.ndarray) -> str:
    shares = [right.mean(), *(right[labels == index].mean() for index in range(len(CLASSES)))]
    return f"| {name} | " + " | ".join(f"{100 * share:.1f}" for share in shares) + " |"


def table(samples: dict[str, list[Sample]]) -> Iterator[str]:
    """Yield the rows of what needs no network: each way to measure, on each set of cohorts."""
    describe = {
        "log diameter only": lambda c: c.sizes,
        "mean grey value only": lambda c: c.images[:, 20:44, 20:44].mean(axis=(1, 2))[:, None],
        "texture and edge features": lambda c: c.features,
        "the same and the histogram": lambda c: np.hstack([c.features, c.histograms]),
    }
    for where, cohorts in samples.items():
        labels = np.concatenate([cohort.labels for cohort in cohorts])
        for name, measure in describe.items():
            right = [cross_validated(measure(cohort), cohort) for cohort in cohorts]
            spread = [100 * cohort.mean() for cohort in right]
            beside = f" ({min(spread):.1f} to {max(spread):.1f})" if len(cohorts) > 1 else ""
            yield row(f"SVM, {name}; {where}{beside}", np.concatenate(right), labels)


def picture() -> None:
    """Draw the first eight fresh lesions of each class of 18 mm or more, as the study's ROIs."""
    lesions = list(draw_lesions(seed=SEED, stream="picture", classes=dict.fromkeys(CLASSES, 30)))
    figure, axes = plt.subplots(len(CLASSES), 8, figsize=(10, 4.2))
    for label, line in zip(CLASSES, axes, strict=True):
        shown = [x for x in lesions if x.label == label and diameter_mm(x) >= 18]
        for lesion, axis in zip(shown, line, strict=False):
            axis.imshow(roi(lesion), cmap="gray", vmin=0, vmax=1)
            axis.set(xticks=[], yticks=[])
            axis.set_title(f"{diameter_mm(lesion):.0f} mm", fontsize=8, pad=2)
        line[0].set_ylabel(label, fontsize=9)
    figure.subplots_adjust(left=0.03, right=0.995, top=0.95, bottom=0.01, wspace=0.04, hspace=0.14)
    path = Path(__file__).parents[1] / "docs/phantom.png"
    figure.savefig(path, dpi=85, metadata={"Software": None})


def main() -> None:
    torch.set_num_threads(1)
    start = time.monotonic()
    built_in = Sample(built_in_cohort())
    size = len(built_in.labels)
    fresh = [draw(f"cohort-{number}", size) for number in range(COHORTS)]
    print(f"| % right | all | {' | '.join(CLASSES)} |\n|---|---|---|---|---|")
    where = {f"built-in {size}": [built_in], f"{COHORTS} fresh cohorts of {size}": fresh}
    for line in table(where):
        print(line, flush=True)
    net = train(draw("train", TRAIN))
    tests = {f"{TEST} fresh lesions": draw("test", TEST), f"built-in {size}": built_in}
    for where, sample in tests.items():
        right = predict(net, sample) == sample.labels
        print(row(f"CNN trained on {TRAIN} fresh lesions; {where}", right, sample.labels))
    print(f"\n{(time.monotonic() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    picture() if "picture" in sys.argv[1:] else main()
