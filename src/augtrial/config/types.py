"""The kinds of values that settings hold, and what all groups of settings have in common."""

import typing
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.types import StringConstraints

# Names become file names and Snakemake wildcards; a dot or a slash would be parsed into others.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_+ -]*$")]
Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, lt=1)]
Channels = Annotated[list[Positive], Field(min_length=1, max_length=6)]


class Model(BaseModel):
    """A group of settings: no unknown keys, finite numbers, no change after reading."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=()
    )


def plain(annotation: Any) -> Any:
    """Return a type without what `Annotated` says of it."""
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    return annotation


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """Return the groups of settings that a type names."""
    annotation = plain(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in typing.get_args(annotation) for model in models_in(part)]
