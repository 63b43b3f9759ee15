"""The recipes that are compared, with all their settings.

An adversarial network has an eighth of the paper's widths, and batches of 16, as in the trials; all
else is the kind's default but for what stands here.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import log2
from typing import Any

from augtrial.core.registry import synthesizers
from benchmarks.synthesis.cohorts import Cohort

WIDTHS = (128, 64, 32, 16)  # of a generator from 4x4 on; smaller images have the last ones
BATCH = 16
ENDLESS = 10**9  # updates: what ends a training is its core-seconds
FIXED, ONLINE = "fixed", "online"
RAW, AVERAGED = "raw", "averaged"
BOTH = (RAW, AVERAGED)
PAINTED = ("phantom", "brain")  # the cohorts on which the options are compared


@dataclass(frozen=True)
class Recipe:
    """One way to make images.

    `weights` are those that draw; one training has them all. With `variants` online each image of a
    batch is a new variant; fixed are as many as in the cohort's trial. A `scheduled` training knows
    its end, so that each point has one of its own; `points` are core-seconds a class beside those
    of all. `source` is the recipe whose trained network it draws with. The `telling` ones are
    measured first.
    """

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[str, ...] = BOTH
    variants: str = ONLINE
    cohorts: tuple[str, ...] = ()
    scheduled: bool = False
    points: tuple[int, ...] = ()
    source: str = ""
    telling: bool = False

    @property
    def is_trained(self) -> bool:
        """Whether there is a network to train."""
        return self.kind not in ("lesion_paste", "mixup")

    def fits(self, cohort: str) -> bool:
        """Return whether it is measured on a cohort."""
        return not self.cohorts or cohort in self.cohorts

    def settings(self, cohort: Cohort) -> Any:
        """Return the settings of its kind for a cohort's images."""
        values = {"kind": self.kind, "samples": 1, **self.options}
        model = synthesizers[self.kind].Settings
        known = model.model_fields
        if "generator_channels" in known:
            levels = int(log2(cohort.roi.size // 4))
            widths = list(WIDTHS[-levels:])
            values |= {"generator_channels": widths, "discriminator_channels": widths[::-1]}
        shared = {"batch": BATCH, "updates": ENDLESS, "snapshots": 1, "steps": cohort.source.steps}
        values |= {key: value for key, value in shared.items() if key in known}
        if self.kind != "paste_flow":
            fixed = cohort.source.fixed
            values["classic"] = "online" if self.variants == ONLINE else fixed
        return model.model_validate(values)

    def key(self, cohort: Cohort) -> str:
        """Return the hash of all that decides its images: settings, variants, pictures."""
        parts = [self.settings(cohort), cohort.roi, cohort.classic]
        values = [part.model_dump(mode="json") for part in parts]
        if self.source:
            values.append(BY_NAME[self.source].settings(cohort).model_dump(mode="json"))
        text = json.dumps([values, self.variants, cohort.source.table], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _option(name: str, **options: Any) -> Recipe:
    return Recipe(f"dcgan-{name}", "dcgan", options, cohorts=PAINTED)


RECIPES = (
    Recipe("lesion-paste", "lesion_paste", weights=("none",), telling=True),
    Recipe("mixup", "mixup", weights=("none",), telling=True),
    Recipe("dcgan-fixed", "dcgan", weights=(RAW,), variants=FIXED, telling=True),
    Recipe("dcgan", "dcgan", telling=True),
    Recipe("acgan", "acgan", {"conditioning": "product"}, telling=True),
    Recipe("flow", "flow", weights=(AVERAGED,), scheduled=True, points=(240,), telling=True),
    Recipe("paste-flow", "paste_flow", weights=(AVERAGED,), source="flow", telling=True),
    Recipe("cgan", "cgan"),
    Recipe("wgan-gp", "wgan_gp"),
    Recipe("acgan-concatenation", "acgan", {"conditioning": "concatenation"}),
    _option("nearest", upsampling="nearest"),
    _option("spectral-norm", spectral_norm=True),
    _option("hinge", loss="hinge"),
    _option("r1", r1=10.0),
    _option("diff-augment", diff_augment=["shift", "cutout", "contrast"]),
    _option("two-rates", discriminator_learning_rate=0.0004),
)
BY_NAME = {recipe.name: recipe for recipe in RECIPES}
