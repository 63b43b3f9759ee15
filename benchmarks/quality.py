"""Whether images of the DCGAN engine are as good as a plain loop's on the same budget, by seeds.

Both learn from the same variants of 42 metastases of the phantom, as often. KID is to fresh lesions
of other patients, in the descriptor that no turn changes (see `memorisation`), each value in units
of its spread among the fresh lesions. It varies much between seeds: the interval of the difference
of means (Welch's, 95 %) says how much. Run `python -m benchmarks.quality`: half an hour on a core.
"""

from functools import partial
from statistics import mean, median, stdev

import numpy as np
import torch
from scipy import stats

from augtrial import seeds
from augtrial.classic import apply_variants, sample_variants
from augtrial.cohort.phantom import draw_lesions
from augtrial.device import training_device
from augtrial.fidelity import kid
from augtrial.memorisation import polar_descriptor
from augtrial.roi import extract_context
from augtrial.settings import ClassicSettings, RoiSettings
from augtrial.synthesizers.adversarial import PairTraining
from augtrial.synthesizers.samples import draw_samples
from benchmarks.engines import dcgan_settings, plain_dcgan, train
from benchmarks.paired import markdown

SEEDS = range(1, 21)
TRAINING, FRESH, SAMPLES, EPOCHS = 42, 150, 300, 20
CLASSIC = ClassicSettings(rotations=3, flips=1, translations=2, scales=1)  # 15 variants
SIZE = 64


def variants(stream: str, lesions: int) -> np.ndarray:
    """Return the variants of fresh metastases, uint8 [n, s, s]."""
    images = []
    drawn = draw_lesions(seed=0, stream=stream, classes={"metastasis": lesions})
    for number, lesion in enumerate(drawn):
        context = extract_context(lesion, RoiSettings(size=SIZE), CLASSIC)
        draw = seeds.generator(0, "variants", stream, number)
        images.append(
            apply_variants(context, sample_variants(context.diameter, CLASSIC, draw), SIZE)
        )
    return np.concatenate(images)


def rows() -> list[list[object]]:
    """Return a row a seed: KID of the plain loop's images and of the engine's; and their means."""
    learnt, fresh = variants("quality-training", TRAINING), variants("quality-fresh", FRESH)
    real = polar_descriptor(fresh)
    centre, spread = real.mean(axis=0), real.std(axis=0)

    def distance(images: np.ndarray) -> float:
        own = polar_descriptor(images)
        return kid((own - centre) / spread, (real - centre) / spread)

    settings = dcgan_settings([64, 32, 16, 8], 16, epochs=EPOCHS)
    labels = np.zeros(len(learnt), np.int64)
    found = []
    with training_device("cpu") as device:
        for seed in SEEDS:
            torch.manual_seed(seed)
            plain = plain_dcgan(learnt, settings, device.torch)[0].eval()
            with torch.no_grad():
                z = torch.rand(SAMPLES, settings.latent) * 2 - 1
                theirs = ((plain(z)[:, 0] + 1) * 127.5).round().clamp(0, 255).byte().numpy()
            options = {"classes": 1, "seed": seed, "device": device}
            (pair,) = train(partial(PairTraining, learnt, labels, settings, **options), device)
            of = {"latent": settings.latent, "label": 0, "seed": seed}
            ours = draw_samples(pair.pair.generator, SAMPLES, **of)
            found.append([distance(own) for own in (theirs, ours)])
    table = [
        [seed, *(f"{value:.2f}" for value in own)] for seed, own in zip(SEEDS, found, strict=True)
    ]
    theirs, ours = zip(*found, strict=True)
    means = [f"{mean(own):.2f} (sd {stdev(own):.2f})" for own in (theirs, ours)]
    medians = [f"{median(own):.2f}" for own in (theirs, ours)]
    low, high = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval()
    more = f"{mean(ours) - mean(theirs):+.2f} ({low:+.2f} to {high:+.2f})"
    floor = distance(learnt[:: len(learnt) // SAMPLES])
    same = ["the training images themselves", f"{floor:.2f}", f"{floor:.2f}"]
    return [
        *table,
        ["median", *medians],
        ["mean", *means],
        ["augtrial more than plain", "", more],
        same,
    ]


def text() -> str:
    """Return the table as Markdown, and what its numbers are."""
    what = (
        "KID to fresh lesions of other patients, in the descriptor that no turn changes, each value"
    )
    what += (
        " in units\nof its spread among the fresh lesions; 95 % interval of the difference (Welch)."
    )
    return f"{what}\n\n{markdown(['seed', 'plain PyTorch', 'augtrial'], rows())}"


if __name__ == "__main__":
    print(text())
