"""Trained networks, read back by name from the file of a fold."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from augtrial.core.registry import classifiers
from augtrial.tasks.classification import training
from augtrial.tasks.classification.interface import Network
from augtrial.training.checkpoints import load_state


def named_networks(path: str | Path) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Yield the name and state dict of each network of a fold's file.

    The name is an arm's or "curve:size"; "@100" behind it says after how many updates, nothing
    that it is the end of the training.
    """
    networks: dict[str, dict[str, Tensor]] = {}
    for key, value in load_state(path).items():
        name, parameter = key.split("/", 1)
        networks.setdefault(name, {})[parameter] = value
    yield from networks.items()


def load_classifier(
    path: str | Path, name: str, settings: Mapping[str, Any], *, classes: Sequence[str], size: int
) -> Network:
    """Return the classifier `name` of a fold's file; the others of the file are not built."""
    state = dict(named_networks(path))[name]
    values = classifiers[settings["kind"]].Settings.model_validate(settings)
    return training.load_classifier(state, values, classes=len(classes), size=size)
