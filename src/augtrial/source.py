"""A hash of the code that a rule stands on.

Snakemake reruns a job when its parameters or its script change, but does not see a change in
the package that the script imports; this hash among the parameters makes it see.
"""

import ast
import functools
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parent
# What they give to a rule stands among its parameters or cannot change a result.
WITHOUT_EFFECT = {
    "settings",
    "settings_problems",
    "errors",
    "files",
    "source",
    "study",
    "recipes",
    "places",
    "plan",
}


@functools.cache
def source_hash(*modules: str) -> str:
    """Return one hash of these modules of the package and of all that they import from it.

    Comments and layout count, since telling them apart is not worth a wrong result.
    """
    digest = hashlib.sha256()
    for path in sorted(_reached(modules)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _reached(modules: tuple[str, ...]) -> set[Path]:
    reached: set[Path] = set()
    waiting = list(modules)
    while waiting:
        path = _path(waiting.pop())
        if path is None or path in reached:
            continue
        reached.add(path)
        waiting += _imports(path)
    return reached


def _path(module: str) -> Path | None:
    """Return a module's file; "roi" and "synthesizers.dcgan" name modules of this package."""
    if module in WITHOUT_EFFECT:
        return None
    base = PACKAGE.joinpath(*module.split("."))
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.exists():
            return candidate
    return None


@functools.cache
def _imports(path: Path) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("augtrial"):
            module = (node.module or "").removeprefix("augtrial").removeprefix(".")
            names.append(module)
            names += [f"{module}.{alias.name}".removeprefix(".") for alias in node.names]
    return tuple(name for name in names if name)
