"""Job parameters: what each job is told of the settings, as plain values."""

from typing import Any

from augtrial.config.arms import Arm
from augtrial.core.names import FEATURES, ONLINE, contrast_arms
from augtrial.core.replicate import Replicate
from augtrial.pipeline.study import Study, Which

FITNESS_SAMPLES = 200  # of each class, by which it is judged


class JobParams:
    """Sizes, budgets and settings for the jobs of a study, at a replicate's share."""

    def __init__(self, study: Study) -> None:
        self.study, self.settings = study, study.settings

    @property
    def gpus(self) -> int:
        """How many GPUs a job that computes with a network asks for: one, or none on the CPU.

        On a cluster a job of a study on the CPU would otherwise wait for a GPU.
        """
        return 0 if self.settings.device == "cpu" else 1

    def arms(self, replicate: Which) -> list[str]:
        """Return the arms whose networks a replicate trains."""
        whole = Replicate.parse(replicate).share == 100
        return list(self.settings.trained_arms) if whole else self.settings.subset_arms

    def curves(self, replicate: Which) -> list[str]:
        """Return the curves whose networks a replicate trains."""
        return list(self.settings.curves) if Replicate.parse(replicate).share == 100 else []

    def recipes(self, replicate: Which) -> dict[str, Arm]:
        """Return the recipes of a fold's networks: arms by name, then curves by "curve:size"."""
        recipes = {name: self.arm(name, replicate) for name in self.arms(replicate)}
        for name in self.curves(replicate):
            points = self.curve_points(name).items()
            recipes |= {f"{name}:{size}": point for size, point in points}
        return recipes

    def trainings(self, replicate: Which) -> list[dict[str, Any]]:
        """Return what a fold's job is told of the networks that it trains."""
        return [self._training(name, arm) for name, arm in self.recipes(replicate).items()]

    def _training(self, name: str, arm: Arm) -> dict[str, Any]:
        budget = arm.budget or self.settings.classifier.budget
        return {
            "name": name,
            "recipe": arm.model_dump(exclude={"budget"}),
            "budget": budget.model_dump(exclude_none=True),
            "on_the_fly": self.settings.classic.model_dump() if arm.classic == ONLINE else None,
            "eval_updates": [] if ":" in name else self.settings.classifier.eval_updates,
        }

    def arm(self, name: str, replicate: Which) -> Arm:
        """Return an arm, its sizes at the replicate's share of the training patients."""
        return self.settings.arms[name].scaled(Replicate.parse(replicate))

    def curve_points(self, name: str) -> dict[int, Arm]:
        """Return the recipes of a curve's points by size, in the order of its sizes."""
        curve = self.settings.curves[name]
        if curve.vary == "classic":
            return {size: Arm(classic=size, budget=curve.budget) for size in curve.sizes}
        return {
            size: Arm(classic=curve.classic, synthetic={curve.vary: size}, budget=curve.budget)
            for size in curve.sizes
        }

    def synthesizers(self, replicate: Which) -> list[str]:
        """Return the synthesizers that a replicate trains, each after those that it uses."""
        names = list(self.settings.used_synthesizers)
        if Replicate.parse(replicate).share < 100:
            arms = self.settings.subset_arms
            names = [name for arm in arms for name in self.settings.arms[arm].synthetic]
        return list(dict.fromkeys(each for name in names for each in self._with_used(name)))

    def _with_used(self, name: str) -> list[str]:
        return [*(each for used in self.used_by(name) for each in self._with_used(used)), name]

    def used_by(self, name: str) -> list[str]:
        """Return the synthesizers whose trained networks one is given."""
        return list(self.study.synthesizer_kind(name).uses(self.settings.synthesizers[name]))

    def judged_synthesizers(self) -> list[str]:
        """Return the synthesizers whose fitness is judged: those whose images a network draws."""
        if not self.settings.fitness:
            return []
        return [name for name in self.settings.used_synthesizers if self._is_trained(name)]

    def _is_trained(self, name: str) -> bool:
        kind, settings = self.study.synthesizer_kind(name), self.settings.synthesizers[name]
        return kind.updates(settings, 1) > 0 or any(map(self._is_trained, self.used_by(name)))

    def arm_synthesizers(self) -> dict[str, list[str]]:
        """Return the synthesizers whose images each arm takes."""
        arms = self.settings.arms.items()
        return {name: list(arm.synthetic) for name, arm in arms if arm.synthetic}

    def second_synthesizers(self) -> list[str]:
        """Return the synthesizers that are trained again to judge fitness, with those they use."""
        names = self.judged_synthesizers()
        return list(dict.fromkeys(each for name in names for each in self._with_used(name)))

    def fitness_training(self) -> dict[str, Any]:
        """Return what a job is told of the classifier whose features judge fitness."""
        return self._training(FEATURES, self.settings.fitness_arm) | {"eval_updates": []}

    def samples_drawn(self, name: str, replicate: Which = 1) -> int:
        """Return how many images of each class a fold's synthesizer draws."""
        samples = self.settings.synthesizers[name].samples
        return Replicate.parse(replicate).scale(samples) * (len(self.study.folds) - 1)

    def classifier_values(self) -> dict[str, Any]:
        """Return the network's settings that decide its numbers; the arm decides the budget."""
        return self.settings.classifier.model_dump(exclude={"budget", "eval_updates"})

    def synthesizer_values(self, name: str, replicate: Which) -> dict[str, Any]:
        """Return a synthesizer's settings as plain values, its size at the replicate's share."""
        values = self.settings.synthesizers[name].model_dump(exclude={"samples"})
        if values["classic"] == ONLINE:
            return values
        return values | {"classic": Replicate.parse(replicate).scale(values["classic"])}

    def synthesizer_variants(self, name: str) -> dict[str, Any] | None:
        """Return how a synthesizer's variants are made, where they are made on the fly."""
        online = self.settings.synthesizers[name].classic == ONLINE
        return self.settings.classic.model_dump() if online else None

    def reach(self) -> dict[str, Any]:
        """Return what decides how far a variant reaches around a lesion."""
        keys = {"translation_pixels", "translation_share", "scale_range"}
        return self.settings.classic.model_dump(include=keys)

    def embedding_arms(self) -> list[str]:
        """Return the two arms of the t-SNE picture, or none."""
        if self.settings.embedding.arms:
            return list(self.settings.embedding.arms)
        for contrast in (self.settings.primary_contrast, *self.settings.contrasts):
            arms = list(reversed(contrast_arms(contrast)))
            if arms[0] != arms[1] and all(arm in self.settings.trained_arms for arm in arms):
                return arms
        return []
