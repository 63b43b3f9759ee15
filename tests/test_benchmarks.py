import importlib
import pkgutil

import benchmarks
import pytest
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
