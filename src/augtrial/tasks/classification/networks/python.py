"""A network of the user's own, by the function that builds it."""

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from augtrial.config.classifier import ClassifierSettings
from augtrial.core.errors import UserError
from augtrial.core.names import hint
from augtrial.core.registry import classifiers
from augtrial.tasks.classification.networks.wrapped_kind import WrappedKind

if TYPE_CHECKING:
    from torch import nn


class PythonSettings(ClassifierSettings):
    """A network of your own (docs/your-classifier.md)."""

    kind: Literal["python"] = Field("python", description="The kind of network.")
    entry: str = Field(
        description='The function that builds it, as "package.module:function". Its arguments are '
        "the number of classes and the side of the images. It returns a `torch.nn.Module` that "
        "maps images [n, 1, s, s] to scores [n, classes]. The module is searched for in the "
        "working directory, then among the installed packages."
    )


@classifiers.register
class Python(WrappedKind):
    """A network that a function of the user's builds; it is built to be planned, tried, counted."""

    name, Settings = "python", PythonSettings

    def problems(self, settings: Any, size: int) -> Iterable[str]:
        """Yield that the entry does not name a module and a function."""
        module, _, function = settings.entry.partition(":")
        if not all(part.isidentifier() for part in [*module.split("."), function]):
            yield f'entry: "package.module:function" is right (got {settings.entry!r})'

    def title(self, settings: Any) -> str:
        """Return the entry and its file."""
        module = sys.modules.get(settings.entry.partition(":")[0])
        file = getattr(module, "__file__", None)
        return f"classifier.entry: the network of {settings.entry}{f' ({file})' if file else ''}"

    def make(self, settings: Any, *, classes: int, size: int) -> "nn.Module":
        """Return the network that the entry builds."""
        from torch import nn

        from augtrial.tasks.classification.wrapped import cause

        build = _function(settings.entry)
        what = f"classifier.entry: {settings.entry}"
        try:
            network = build(classes, size)
        except Exception as error:  # whatever the code of users raises
            call = f"{what}({classes}, {size}), of so many classes and images of this side,"
            raise UserError(f"{call} fails: {cause(error)}") from error
        if not isinstance(network, nn.Module):
            found = f"{type(network).__module__}.{type(network).__qualname__}"
            raise UserError(f"{what} returns {found}; a torch.nn.Module is right")
        return network

    def user_code(self, settings: Any) -> str:
        """Return a hash of the entry's file or, if it lies in a package, of all of its files."""
        digest = hashlib.sha256()
        for path in _sources(settings.entry):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()[:12]

    def describe(self, settings: Any) -> str:
        """Return where the network comes from."""
        return f"The network that {settings.entry} builds"


def _look_in_working_directory() -> None:
    """Let modules be imported from the working directory, as `python -m` does."""
    importlib.invalidate_caches()
    if (here := str(Path.cwd())) not in sys.path:
        sys.path.insert(0, here)


def _function(entry: str) -> Callable[[int, int], Any]:
    """Return the function that an entry names.

    Raises:
        UserError: there is no such module, it cannot be imported, or has no such function.
    """
    from augtrial.tasks.classification.wrapped import cause

    _look_in_working_directory()
    what, (name, _, function) = f"classifier.entry: {entry}", entry.partition(":")
    try:
        module = importlib.import_module(name)
    except Exception as error:  # whatever the code of users raises
        if isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}."):
            raise UserError(
                f"{what}: there is no module '{error.name}', neither in {Path.cwd()} nor among "
                "what is installed"
            ) from None
        raise UserError(f"{what}: '{name}' cannot be imported: {cause(error)}") from error
    found = getattr(module, function, None)
    if not callable(found):
        known = [key for key, value in vars(module).items() if callable(value)]
        missing = f"{module.__file__} has no function '{function}'"
        raise UserError(f"{what}: {missing}{hint(function, known)}")
    return found


def _sources(entry: str) -> list[Path]:
    """Return the Python files of an entry's module, or of the package in which it lies."""
    _look_in_working_directory()
    spec = importlib.util.find_spec(entry.partition(":")[0].partition(".")[0])
    if spec is None:
        return []  # the check at the start of a run tells it
    folders = spec.submodule_search_locations
    if folders is None:
        return [path for path in [Path(spec.origin or "")] if path.is_file()]
    return sorted(path for folder in folders for path in Path(folder).rglob("*.py"))
