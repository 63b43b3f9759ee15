"""The lesions of a GPU study: ROIs from its bundle, variants cut on the device."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch

from augtrial import seeds
from augtrial.classic import sample_variants
from augtrial.device import Device
from augtrial.device_resampler import Pictures
from augtrial.files import read_json
from augtrial.roi import Context, read_contexts
from augtrial.trainingset import Part, TrainingSet, assemble

CHUNK = 240  # variants that are cut at once


class GpuCohort:
    """A bundle's lesions; their variants are cut on a device."""

    def __init__(self, bundle: Path, device: Device) -> None:
        """Read what the study is told (see `gpu_bundle`), the lesions and their ROIs."""
        self.bundle, self.device = bundle, device
        self.told = SimpleNamespace(**read_json(bundle / "study.json"))
        self.lesions = pd.read_csv(
            bundle / "lesions.csv", dtype=str, keep_default_na=False
        ).set_index("lesion_id", drop=False)
        with np.load(bundle / "rois.npz") as arrays:
            self.rois = dict(zip(arrays["lesion_id"].tolist(), arrays["images"], strict=True))
        self.classic = SimpleNamespace(**self.told.classic)
        self.variants_of: dict[int, dict[str, np.ndarray]] = {}

    @cached_property
    def contexts(self) -> dict[str, Context]:
        """The lesions' surroundings."""
        found = read_contexts(self.bundle / "contexts.npz")
        return dict(zip(self.rois, found, strict=True))

    @cached_property
    def pictures(self) -> Pictures:
        """The lesions' surroundings on the device."""
        return Pictures(
            list(self.contexts.values()),
            self.told.size,
            margin=self.classic.scale_range[1],
            device=self.device.torch,
        )

    def variants(self, replicate: int) -> dict[str, np.ndarray]:
        """Return lesion -> its N variants uint8 [N, s, s], those of one replicate at a time."""
        if replicate not in self.variants_of:
            self.variants_of = {replicate: dict(self._cut(replicate))}
        return self.variants_of[replicate]

    def _cut(self, replicate: int) -> Iterator[tuple[str, np.ndarray]]:
        for place, (lesion, context) in enumerate(self.contexts.items()):
            draw = seeds.generator(self.told.seed, "variants", replicate, lesion)
            variants = sample_variants(context.diameter, self.classic, draw)
            maps = np.stack([v.square(context.square).matrix(self.told.size) for v in variants])
            parts = torch.from_numpy(maps.astype(np.float32)).to(self.device.torch).split(CHUNK)
            images = [
                self.pictures.cut(torch.full((len(own),), place, device=own.device), own)
                for own in parts
            ]
            whole = (torch.cat(images)[:, 0] * 255).round().to(torch.uint8)
            yield lesion, whole.cpu().numpy()

    def parts(self, replicate: int, fold: int) -> list[Part]:
        """Return the training parts of a fold, and no other."""
        variants = self.variants(replicate)
        parts = self.told.parts[str(replicate)]
        return [
            Part(
                tuple(ids),
                tuple(self.lesions.loc[ids, "label"]),
                np.stack([self.rois[lesion] for lesion in ids]),
                np.stack([variants[lesion] for lesion in ids]),
            )
            for part, ids in parts.items()
            if part != str(fold)
        ]

    def learnt(
        self, recipe: dict[str, Any], parts: list[Part], replicate: int, **more: Any
    ) -> TrainingSet:
        """Return the training set of a recipe from the training parts of a fold."""
        whose = {"seed": self.told.seed, "replicate": replicate}
        return assemble(SimpleNamespace(**recipe), parts, self.told.classes, **whose, **more)
