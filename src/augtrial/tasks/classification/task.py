"""The task of the paper: a classifier learns from an arm's training set, and names classes."""

from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from augtrial.config.classifier import Budget
from augtrial.core.cost import Cost
from augtrial.core.registry import classifiers, tasks
from augtrial.tasks.base import Task

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from augtrial.imaging.training_set import TrainingSet
    from augtrial.statistics.outcomes import ArmOutcomes
    from augtrial.tasks.classification.training import ClassifierTraining


@tasks.register
class Classification(Task):
    """Each held-out lesion gets a probability for each class."""

    name = "classification"

    def settings(self, values: Mapping[str, Any]) -> Any:
        """Return the settings of a classifier, from plain values."""
        return classifiers[values["kind"]].Settings.model_validate(values)

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield what of the classifier's settings does not fit images of this side."""
        return classifiers[settings.kind].problems(settings, size)

    def check(self, settings: Any, *, classes: int, size: int) -> Iterable[str]:
        """Yield what only building the classifier can tell."""
        return classifiers[settings.kind].check(settings, classes=classes, size=size)

    def files(self, settings: Any) -> list[str]:
        """Return the files that the classifier begins from."""
        return classifiers[settings.kind].files(settings)

    def user_code(self, settings: Any) -> str:
        """Return a hash of the user's code that builds the classifier, or ""."""
        return classifiers[settings.kind].user_code(settings)

    def updates(self, settings: Any, budget: Budget, images: int) -> int:
        """Return how many updates a budget means for a training set of so many images."""
        if budget.updates is not None:
            return budget.updates
        epochs = budget.epochs or 0
        if classifiers[settings.kind].full_batches:
            return ceil(epochs * images / settings.batch)
        return epochs * ceil(images / settings.batch)

    def training(
        self,
        learnt: "TrainingSet",
        settings: Any,
        budget: Budget,
        *,
        classes: Sequence[str],
        **options: Any,
    ) -> "ClassifierTraining":
        """Return the training of one classifier; `options` are those of `ClassifierTraining`."""
        from augtrial.tasks.classification.training import ClassifierTraining

        options["updates"] = self.updates(settings, budget, len(learnt.images))
        full_batches = budget.updates is not None or classifiers[settings.kind].full_batches
        options |= {"full_batches": full_batches, "classes": len(classes)}
        return ClassifierTraining(learnt.images, learnt.labels, settings, **options)

    def predict(
        self,
        state: "Mapping[str, Tensor]",
        settings: Any,
        lesions: "pd.DataFrame",
        images: np.ndarray,
        *,
        classes: Sequence[str],
        columns: Mapping[str, Any],
    ) -> "pd.DataFrame":
        """Return the probability of each class for held-out lesions."""
        from augtrial.statistics.predictions import prediction_rows
        from augtrial.tasks.classification.cnn import predict
        from augtrial.tasks.classification.training import load_classifier

        network = load_classifier(state, settings, classes=len(classes), size=images.shape[-1])
        probabilities, _ = predict(network, images)
        return prediction_rows(lesions, probabilities, classes, columns)

    def outcomes(self, predictions: "pd.DataFrame") -> "dict[str, ArmOutcomes]":
        """Return each arm's endpoints, and each patient's influence on them."""
        from augtrial.statistics.classification import classification_outcomes

        return classification_outcomes(predictions)

    def cost(self, settings: Any, *, classes: int, size: int) -> Cost:
        """Return the cost of one classifier."""
        return classifiers[settings.kind].cost(settings, classes=classes, size=size)

    def describe(self, settings: Any) -> str:
        """Return how the classifier is built and trained."""
        return (
            f"{classifiers[settings.kind].describe(settings)}. SGD with Nesterov momentum "
            f"{settings.momentum:g}, learning rate {settings.learning_rate:g}, batches of "
            f"{settings.batch}."
        )
