"""Registries: the kinds of a thing that users may add to, each in a module of its own."""

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from typing import Any


class Registry(Mapping[str, Any]):
    """The kinds of one thing (a noun, in words), by name; iteration is in alphabetical order.

    The modules directly in a package are imported at the first question, and register what they
    define. They import no PyTorch at their top, since plans are made without it.
    """

    def __init__(self, noun: str, package: str) -> None:
        self.noun, self.package = noun, package
        self._kinds: dict[str, Any] = {}
        self._is_loaded = False

    def register(self, kind: type) -> type:
        """Add a kind: a class that takes no arguments and has a `name`. Used as a decorator.

        Raises:
            ValueError: the name is taken.
        """
        entry = kind()
        if entry.name in self._kinds:
            raise ValueError(f"two kinds of {self.noun} are named {entry.name!r}")
        self._kinds[entry.name] = entry
        return kind

    def _loaded(self) -> dict[str, Any]:
        if not self._is_loaded:
            self._is_loaded = True  # before the imports, which may ask
            package = importlib.import_module(self.package)
            for module in pkgutil.iter_modules(package.__path__, f"{self.package}."):
                importlib.import_module(module.name)
        return self._kinds

    def __getitem__(self, name: str) -> Any:
        return self._loaded()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._loaded()))

    def __len__(self) -> int:
        return len(self._loaded())


synthesizers = Registry("synthesizer", "augtrial.synthesizers")
tasks = Registry("task", "augtrial.tasks")
classifiers = Registry("classifier", "augtrial.tasks.classification.networks")
