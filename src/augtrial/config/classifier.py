"""The settings of every classifier that is judged, and how long it trains."""

from typing import Annotated

from pydantic import Field

from augtrial.config.types import Model, Positive, Rate, Share


class Budget(Model):
    """How long a classifier trains: give `epochs` or `updates`."""

    epochs: Positive | None = Field(None, description="Passes over the arm's training set.")
    updates: Positive | None = Field(
        None, description="Gradient updates with full batches, the same number in every arm."
    )


class ClassifierSettings(Model):
    """The classifier that is tested."""

    kind: str = Field(description="The kind of network.")
    learning_rate: Rate = Field(
        0.001, description="Step size of SGD with Nesterov momentum (section 2.3: 0.001)."
    )
    momentum: Share = Field(0.9, description="Nesterov momentum (value not stated).")
    batch: Annotated[int, Field(ge=1)] = Field(64, description="Images per update (section 2.3).")
    budget: Budget = Field(
        Budget(epochs=150), description="Training time of every arm that names none itself."
    )
    eval_updates: list[Positive] = Field(
        [],
        description="Numbers of updates after which each arm's network is also tested, for "
        "accuracy against updates; no network is selected by it.",
    )
