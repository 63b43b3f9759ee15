"""Reads settings from a config file or dictionary, or lists everything that is wrong with it."""

from collections.abc import Sequence
from functools import cache, reduce
from operator import or_
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, Field, ValidationError, create_model

from augtrial.config.settings import Settings
from augtrial.config.types import Name
from augtrial.config.validation import cross_problems, validation_problems
from augtrial.core.errors import UserError
from augtrial.core.registry import classifiers, synthesizers

DEFAULT_CLASSIFIER = "frid_adar"


@cache
def settings_model() -> type[Settings]:
    """Return the model of a study's settings, with those of every kind that is registered."""
    synthesizer: Any = _any_of([kind.Settings for kind in synthesizers.values()])
    classifier: Any = _any_of([kind.Settings for kind in classifiers.values()])
    default = classifiers[DEFAULT_CLASSIFIER].Settings()
    described = Settings.model_fields["synthesizers"].description
    return create_model(
        "Settings",
        __base__=Settings,
        __doc__=Settings.__doc__,
        synthesizers=(dict[Name, synthesizer], Field({}, description=described)),
        classifier=(classifier, Field(default, description="")),
    )


def _any_of(models: Sequence[type[BaseModel]]) -> Any:
    """Return the type of a value that fits the model which its key `kind` names."""
    if len(models) == 1:
        return models[0]
    return Annotated[reduce(or_, models), Field(discriminator="kind")]


def read_settings(config: dict[str, Any], source: str = "the config") -> Settings:
    """Return the settings of a config dictionary as Snakemake or YAML gives it.

    Raises:
        UserError: with every unknown key (and the nearest known one), every wrong value and
            every contradiction, each on a line.
    """
    title = f"{source} has settings that cannot be used:"
    model = settings_model()
    try:
        settings = model.model_validate(_with_kinds(config))
    except ValidationError as error:
        raise UserError(validation_problems(error, model), title) from None
    if problems := cross_problems(settings):
        raise UserError(problems, title)
    return settings


def _with_kinds(config: dict[str, Any]) -> dict[str, Any]:
    """Return a config with the kinds that it may leave out.

    `synthetic: {dcgan: 3000}` in an arm is enough: that is the kind `dcgan` with its defaults.
    A classifier without a kind is the paper's.
    """
    config = dict(config)
    if isinstance(classifier := config.get("classifier"), dict):
        config["classifier"] = {"kind": DEFAULT_CLASSIFIER, **classifier}
    drawn = [arm.get("synthetic") for arm in _groups(config.get("arms"))]
    named = [name for synthetic in drawn if isinstance(synthetic, dict) for name in synthetic]
    named += [curve["vary"] for curve in _groups(config.get("curves")) if "vary" in curve]
    listed = config.get("synthesizers", {})
    if isinstance(listed, dict):
        added = {name: {"kind": name} for name in named if name in synthesizers}
        config["synthesizers"] = {**added, **listed}
    return config


def _groups(value: Any) -> list[dict[str, Any]]:
    """Return the groups by name of a config that nobody has checked yet."""
    if not isinstance(value, dict):
        return []
    return [group for group in value.values() if isinstance(group, dict)]


def read_settings_file(path: Path) -> Settings:
    """Return the settings of one YAML file, which stands alone."""
    return read_settings(read_config(path), str(path))


class _Loader(yaml.SafeLoader):
    """YAML in which no key stands twice: the last one would count, and nobody would notice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                what = f"the key '{key.value}' stands here a second time: keep one"
                raise yaml.constructor.ConstructorError(None, None, what, key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def read_config(path: Path) -> dict[str, Any]:
    """Return what a YAML file of settings holds, not yet checked.

    Raises:
        UserError: it cannot be read, holds no keys, or has a key twice.
    """
    try:
        config = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # a SafeLoader
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{path} holds no settings; it should start with a key such as 'study:'")
    return config
