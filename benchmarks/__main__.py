"""Writes docs/benchmarks.md: `make bench` on a quiet machine, or `python -m benchmarks engines`
for one part, which leaves the others as they were, and what other machines have measured. `python3
-m benchmarks engines` runs where `gpu_study.sh` does.
"""

import ast
import re
import sys
from importlib import import_module
from pathlib import Path

from benchmarks.paired import machine

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Each value is shown with its baseline from the same run (A B A B, medians):
ratios can be transferred to other machines, seconds cannot.
"""
PARTS = {
    "Training engines": "engines",
    "Precision": "precision",
    "The start of an optimiser": "optimisers",
    "Quality of the DCGAN engine's images": "quality",
    "Classic augmentation": "variants",
    "Measures of fidelity, 5,000 x 5,000 images": "metrics",
    "The pipeline's own cost": "overhead",
    "Growth with lesions, variants, arms, replicates and folds": "growth",
    "Synthesizers: quality against core-seconds": "synthesis",
}
BEGIN = re.compile(r"^(?=`python -m benchmarks \w+` on )", re.MULTILINE)

Blocks = dict[str, dict[str, str]]  # title -> machine -> what was measured there


def read(page: str) -> Blocks:
    found: Blocks = {}
    for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        title, _, text = section.partition("\n")
        found[title] = {_machine_of(block): block.strip() for block in BEGIN.split(text)[1:]}
    return found


def written(blocks: Blocks) -> str:
    text = [HEAD]
    for title, part in PARTS.items():
        if title in blocks:
            about = (ast.get_docstring(ast.parse(_source(part))) or "").split("\n\n")[0]
            text.append("\n\n".join([f"## {title}\n{about}", *blocks[title].values()]) + "\n")
    return "\n".join(text)


def _source(part: str) -> str:
    files = (Path(__file__).parent / name for name in (f"{part}.py", f"{part}/__init__.py"))
    return next(file for file in files if file.exists()).read_text(encoding="utf-8")


def _machine_of(block: str) -> str:
    """Return the machine's name, whatever PyTorch was on it."""
    return block.partition("` on ")[2].partition(", PyTorch")[0]


def main() -> None:
    """Measure the parts that the command line names, or all, and write the page.

    Of the synthesizers, hours on end, it shows what `synthesis` without `--page` has measured.
    """
    if sys.argv[1:2] == ["synthesis"] and "--page" not in sys.argv:
        import_module("benchmarks.synthesis.run").main(sys.argv[2:])
        return
    for title, part in PARTS.items():
        if len(sys.argv) == 1 or part in sys.argv[1:]:
            print(f"{title} ...", flush=True)
            text = import_module(f"benchmarks.{part}").text()
            block = f"`python -m benchmarks {part}` on {machine()}.\n\n{text}"
            print(block, flush=True)
            blocks = read(PAGE.read_text(encoding="utf-8")) if PAGE.exists() else {}
            blocks.setdefault(title, {})[_machine_of(block)] = block
            PAGE.write_text(written(blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
