"""Recipes: what each job is told of the settings, as plain values."""

from typing import Any

from augtrial.replicate import Replicate
from augtrial.settings import Arm, Budget
from augtrial.spelling import contrast_arms
from augtrial.study import ALL, Study, Which


class Recipes:
    """What the jobs of a study are told: sizes, budgets and settings, at a replicate's share."""

    def __init__(self, study: Study) -> None:
        """Read a study's settings."""
        self.study, self.settings = study, study.settings

    @property
    def gpus(self) -> int:
        """How many GPUs a job that computes with a network asks for: one, or none on the CPU.

        On a cluster a job of a study on the CPU would otherwise wait for a GPU.
        """
        return 0 if self.settings.device == "cpu" else 1

    def arm_training(self, name: str, replicate: Which) -> dict[str, Any]:
        """Return what a training job is told of an arm, as plain values."""
        own = self.settings.arms[name]
        return {
            "recipes": {name: self.arm(name, replicate).model_dump(exclude={"budget"})},
            "budget": self._budget(own.budget),
            "online": self.settings.classic.model_dump() if own.classic == "online" else None,
            "stops": self.settings.classifier.stops,
        }

    def arms(self, replicate: Which) -> list[str]:
        """Return the arms whose networks a replicate trains."""
        whole = Replicate.parse(replicate).share == 100
        return list(self.settings.trained_arms) if whole else self.settings.subset_arms

    def curves(self, replicate: Which) -> list[str]:
        """Return the curves whose networks a replicate trains."""
        return list(self.settings.curves) if Replicate.parse(replicate).share == 100 else []

    def classifiers_of(self, wildcards: Any) -> tuple[list[str], list[str]]:
        """Return the arms and the curves of a job by its wildcards: one of them, or a fold's."""
        own = dict(wildcards.items())
        if "arm" in own:
            return [own["arm"]], []
        if "curve" in own:
            return [], [own["curve"]]
        return self.arms(own["replicate"]), self.curves(own["replicate"])

    def classifier_trainings(self, wildcards: Any) -> list[dict[str, Any]]:
        """Return what a job is told of the classifiers that it trains."""
        arms, curves = self.classifiers_of(wildcards)
        return [
            *(self.arm_training(arm, wildcards.replicate) for arm in arms),
            *map(self.curve_training, curves),
        ]

    def arm(self, name: str, replicate: Which) -> Arm:
        """Return an arm, its sizes at the replicate's share of the training patients."""
        return self.settings.arms[name].scaled(Replicate.parse(replicate))

    def curve_training(self, name: str) -> dict[str, Any]:
        """Return what a training job is told of a curve: a recipe for each size."""
        sizes = self.settings.curves[name].sizes
        return {
            "recipes": {
                str(size): arm.model_dump(exclude={"budget"})
                for size, arm in zip(sizes, self.curve_arms(name), strict=True)
            },
            "budget": self._budget(self.settings.curves[name].budget),
            "online": None,
            "stops": [],
        }

    def curve_arms(self, name: str) -> list[Arm]:
        """Return the recipes of a curve's points, in the order of its sizes."""
        curve = self.settings.curves[name]
        if curve.vary == "classic":
            return [Arm(classic=size, budget=curve.budget) for size in curve.sizes]
        return [
            Arm(classic=curve.classic, synthetic={curve.vary: size}, budget=curve.budget)
            for size in curve.sizes
        ]

    def _budget(self, own: Budget | None) -> dict[str, Any]:
        return (own or self.settings.classifier.budget).model_dump(exclude_none=True)

    def synthesizers(self, replicate: Which) -> list[str]:
        """Return the synthesizers that a replicate trains."""
        whole = Replicate.parse(replicate).share == 100
        return list(self.settings.used_synthesizers) if whole else self.subset_synthesizers

    def synthesizers_of(self, wildcards: Any) -> list[str]:
        """Return the synthesizers of a job by its wildcards: one, or all of a fold."""
        own = dict(wildcards.items())
        if "synthesizer" in own:
            return [own["synthesizer"]]
        return self.synthesizers(own["replicate"])

    def synthesizer_trainings(self, wildcards: Any) -> list[dict[str, Any]]:
        """Return what a job is told of the synthesizers that it trains.

        `images` is how many of each class it draws as well: none where another job does.
        """
        one = "synthesizer" in dict(wildcards.items())
        return [
            {
                "synthesizer": name,
                "settings": self.synthesizer_values(name, wildcards.replicate),
                "learns": self.study.scope_classes(wildcards.scope if one else ALL),
                "images": 0 if one else self.samples_drawn(name, wildcards.replicate),
            }
            for name in self.synthesizers_of(wildcards)
        ]

    def samples_drawn(self, name: str, replicate: Which = 1) -> int:
        """Return how many images of each class a fold's synthesizer draws."""
        samples = self.settings.synthesizers[name].samples
        return Replicate.parse(replicate).of(samples) * (len(self.study.folds) - 1)

    def classifier_values(self) -> dict[str, Any]:
        """Return the classifier's settings that decide its numbers; the arm decides the budget."""
        return self.settings.classifier.model_dump(exclude={"budget", "stops"})

    def synthesizer_values(self, name: str, replicate: Which) -> dict[str, Any]:
        """Return a synthesizer's settings as plain values, its size at the replicate's share."""
        values = self.settings.synthesizers[name].model_dump(exclude={"samples"})
        return values | {"classic": Replicate.parse(replicate).of(values["classic"])}

    def reach(self) -> dict[str, Any]:
        """Return what decides how far a variant reaches around a lesion."""
        keys = {"translation_pixels", "translation_share", "scale_range"}
        return self.settings.classic.model_dump(include=keys)

    def arm_synthesizers(self, name: str) -> list[str]:
        """Return the synthesizers that an arm draws on."""
        return list(self.settings.arms[name].synthetic)

    def curve_synthesizers(self, name: str) -> list[str]:
        """Return the synthesizers that a curve draws on."""
        vary = self.settings.curves[name].vary
        return [] if vary == "classic" else [vary]

    def embedding_arms(self) -> list[str]:
        """Return the two arms of the t-SNE picture, or none."""
        if self.settings.embedding.arms:
            return list(self.settings.embedding.arms)
        for contrast in self.settings.contrasts:
            arms = list(reversed(contrast_arms(contrast)))
            if arms[0] != arms[1] and all(arm in self.settings.trained_arms for arm in arms):
                return arms
        return []

    def network_names(self, replicate: Which) -> list[list[str]]:
        """Return the classifiers of a fold: the arms, then the curves."""
        arms = [["arm", name] for name in self.arms(replicate)]
        return arms + [["curve", name] for name in self.curves(replicate)]

    @property
    def subset_synthesizers(self) -> list[str]:
        """The synthesizers that the arms of the subsets draw on."""
        arms = self.settings.subset_arms
        return list(dict.fromkeys(name for arm in arms for name in self.arm_synthesizers(arm)))
