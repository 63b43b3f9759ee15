"""Writes docs/benchmarks.md: `make bench` on a quiet machine, or `python -m benchmarks roofline`
for one part, which leaves the others as they were.
"""

import re
import sys
from pathlib import Path

from benchmarks import engines, growth, metrics, overhead, quality, roofline, variants
from benchmarks.paired import machine

PAGE = Path(__file__).parents[1] / "docs/benchmarks.md"
HEAD = """# Benchmarks

Written by `make bench`. Figures stand beside their baselines of the same run (A B A B, medians):
ratios travel to other machines, seconds do not.
"""
PARTS = {
    "How near to the machine's limit": roofline,
    "Training engines": engines,
    "Quality of the DCGAN engine's images": quality,
    "Classic augmentation": variants,
    "Measures of fidelity, 5,000 x 5,000 images": metrics,
    "The pipeline's own cost": overhead,
    "Growth with lesions, variants, arms, replicates and folds": growth,
}


def section(title: str) -> str:
    """Measure a part: what it is, by which command, on which machine, and its tables."""
    module = PARTS[title]
    about = (module.__doc__ or "").split("\n\n")[0]
    command = f"`python -m {module.__name__}`"
    return f"## {title}\n{about}\n\n{command} on {machine()}.\n\n{module.text()}\n"


def main() -> None:
    """Measure the parts that the command line names, or all, and write the page."""
    kept = {}
    if PAGE.exists():
        found = re.split(r"^(?=## )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        kept = {text.splitlines()[0].removeprefix("## "): text.rstrip() + "\n" for text in found}
    for title, module in PARTS.items():
        if len(sys.argv) == 1 or module.__name__.removeprefix("benchmarks.") in sys.argv[1:]:
            print(f"{title} ...", flush=True)
            kept[title] = section(title)
        written = [HEAD, *(kept[name] for name in PARTS if name in kept)]
        PAGE.write_text("\n".join(written), encoding="utf-8")


if __name__ == "__main__":
    main()
