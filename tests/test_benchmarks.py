import importlib
import pkgutil
from pathlib import Path

import benchmarks
import pytest
from benchmarks.__main__ import PARTS, read, written
from benchmarks.growth import law


@pytest.mark.parametrize(
    "name", [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
)
def test_each_benchmark_stands_on_the_package_as_it_is(name):
    module = importlib.import_module(f"benchmarks.{name}")
    assert module.__doc__


def test_a_law_of_growth_is_found():
    sizes = [182, 1820, 18200]
    power, most = law(sizes, [3 + 0.002 * (n - 182) ** 1.5 for n in sizes])
    assert power == pytest.approx(1.5)
    assert most == pytest.approx(3 + 0.002 * (1e6 - 182) ** 1.5)


def test_the_page_keeps_what_other_machines_and_parts_measured():
    page = Path(__file__).parents[1].joinpath("docs/benchmarks.md").read_text(encoding="utf-8")
    blocks = read(page)
    assert list(blocks) == [title for title in PARTS if title in blocks]
    assert written(blocks) == page
    command = "`python -m benchmarks.engines` on"
    blocks["Training engines"]["A GPU"] = f"{command} A GPU, PyTorch 2.\n\n| a table |"
    assert read(written(blocks)) == blocks
