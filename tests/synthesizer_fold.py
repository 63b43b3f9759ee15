"""A tiny fold with the jobs of its synthesizers."""

import numpy as np

from augtrial.config.cohort import ClassicSettings
from augtrial.jobs.synthesizers import train_synthesizer
from tiny_fold import CLASSES, TinyFold

OUTPUTS = {
    "networks": "networks.pt",
    "history": "history.csv",
    "progress": "progress.npz",
    "record": "networks.json",
    "samples": "samples.npz",
}


class SynthesizerFold(TinyFold):
    """A fold of a study with the jobs of its synthesizers."""

    def train(self, name, settings, *, others=(), into="fold1", **options):
        """Run the job of a synthesizer; return the folder of its results."""
        folder = self.folder / into / name
        online = settings.get("classic") == "online"
        contexts = [str(part / "contexts.npz") for part in self.parts] if online else []
        on_the_fly = ClassicSettings().model_dump() if online else None
        options = {"contexts": contexts, "on_the_fly": on_the_fly, **options}
        options = {"samples": 10, "seed": 3, "workers": 1, "code": "", "kind_code": "", **options}
        train_synthesizer(
            name,
            {"classic": 8, **settings},
            **self.inputs(),
            others=[str(self.folder / into / other / "networks.pt") for other in others],
            classes=CLASSES,
            replicate="1",
            fold="1",
            device="cpu",
            precision="float32",
            checkpoints=str(self.checkpoints),
            outputs={key: str(folder / file) for key, file in OUTPUTS.items()},
            **options,
        )
        return folder


def samples(folder) -> dict[str, np.ndarray]:
    """Return the arrays of samples.npz in a folder of results."""
    with np.load(folder / "samples.npz") as arrays:
        return dict(arrays)
