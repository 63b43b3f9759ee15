"""A hash of the code that a rule's result depends on; Snakemake itself sees the script alone."""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
# Imported by jobs and never hashed, since nothing in them can change what a job computes.
WITHOUT_EFFECT = {
    "core.errors",  # an error ends a job without a result, whatever its message
    "pipeline.output_sizes",  # sizes of files that are already written
    "pipeline.script_context",  # where a job's words and errors go
}
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where statements hold statements
TYPING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


class CodeParam:
    """A parameter of a rule: the hash of the modules (as "jobs.rois") that its script depends on.

    Snakemake calls it when it looks at a job, so that the process of a job hashes the modules of
    that job alone.
    """

    def __init__(self, *modules: str) -> None:
        self.modules = modules

    def __call__(self, wildcards: object) -> str:
        """Return the hash, which is the same for all jobs of the rule."""
        return source_hash(*self.modules)


@functools.cache
def source_hash(*modules: str) -> str:
    """Return one hash of modules, such as "imaging.roi", and of all that they import from here.

    Comments, layout, docstrings, descriptions of settings and type-only imports do not count.
    """
    text = b"".join(_text(_file(module)) for module in sorted(reached_modules(modules)))
    return hashlib.sha256(text).hexdigest()[:12]


def reached_modules(modules: Iterable[str]) -> set[str]:
    """Return these modules and all that they import, but for those without effect.

    With a module comes the package around it, since Python runs its __init__.py as well.

    Raises:
        ValueError: the package has no module of such a name.
    """
    waiting, reached = list(modules), set()
    while waiting:
        module = waiting.pop()
        if module in reached or module in WITHOUT_EFFECT:
            continue
        path = _file(module)
        if path is None:
            raise ValueError(f"code: augtrial has no module {module!r}")
        reached.add(module)
        package = module.rpartition(".")[0]
        waiting += [*imported_modules(path), *([package] if package else [])]
    return reached


@functools.cache
def imported_modules(path: Path) -> tuple[str, ...]:
    """Return the modules of the package that a file imports at run time, wherever in it.

    Raises:
        ValueError: the file imports by a relative name.
    """
    names: set[str] = set()
    for statement in _statements(_code(path)):
        if isinstance(statement, ast.Import):
            names |= {alias.name for alias in statement.names}
        elif isinstance(statement, ast.ImportFrom):
            if statement.level:
                raise ValueError(f"{path}: name imports in full, from augtrial on")
            module = str(statement.module)
            names |= {module, *(f"{module}.{alias.name}" for alias in statement.names)}
    inside = {name.removeprefix("augtrial.") for name in names if name.startswith("augtrial.")}
    # "from augtrial.core.io import write_json" names a module and something in it.
    return tuple(sorted(name for name in inside if _file(name)))


def _file(module: str) -> Path | None:
    """Return a module's file, or None if there is no such module."""
    base = PACKAGE.joinpath(*module.split("."))
    candidates = base.with_suffix(".py"), base / "__init__.py"
    return next((path for path in candidates if path.exists()), None)


@functools.cache
def _text(path: Path) -> bytes:
    """Return a file's code as Python writes it; `ast.dump` differs more between its versions."""
    return ast.unparse(_code(path)).encode()


@functools.cache
def _code(path: Path) -> ast.Module:
    """Return the syntax tree of a file, without what cannot change a result."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for statement in [tree, *_statements(tree)]:
        for block in BLOCKS:
            if hasattr(statement, block):
                kept = [inner for inner in getattr(statement, block) if not _is_docstring(inner)]
                setattr(statement, block, kept)
        if isinstance(statement, ast.If) and ast.unparse(statement.test) in TYPING:
            statement.body = []
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.value, ast.Call):
            call = statement.value
            if ast.unparse(call.func) == "Field":
                call.keywords = [key for key in call.keywords if key.arg != "description"]
    return tree


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements within a statement, at any depth."""
    for block in BLOCKS:
        for statement in getattr(node, block, ()):
            yield statement
            yield from _statements(statement)


def _is_docstring(node: ast.AST) -> bool:
    """Return whether a statement is a string alone, which documents what is before it."""
    if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
        return False
    return isinstance(node.value.value, str)
