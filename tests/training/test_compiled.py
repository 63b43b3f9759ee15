import subprocess
import sys

import numba
import pytest

from augtrial.training.kernels import compiled


@pytest.mark.slow
def test_a_compiled_and_a_kept_loop_give_the_same_bytes(tmp_path):
    code = """
import hashlib, torch
from augtrial.training.kernels import pooling, pooling_loops
torch.manual_seed(1)
digest = hashlib.sha256()
for channels in (1, 16):
    convolution = torch.nn.Conv2d(channels, 24, 3)
    x = torch.randn(3, channels, 13, 13, requires_grad=True)
    values = pooling.convolve_and_pool(x, convolution)
    values.square().sum().backward()
    for numbers in (values, x.grad, convolution.weight.grad, convolution.bias.grad):
        digest.update(numbers.detach().contiguous().numpy().tobytes())
print(hasattr(pooling_loops.pool._cache, "_impl"), digest.hexdigest())
"""

    def run(home):
        environment = {"PATH": "", "XDG_CACHE_HOME": str(home), "HOME": str(tmp_path)}
        command = [sys.executable, "-c", code]
        process = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=True
        )
        return process.stdout.split()

    compiled, kept = run(tmp_path / "cache"), run(tmp_path / "cache")
    assert list((tmp_path / "cache" / "augtrial").rglob("*.nbc"))
    (tmp_path / "file").touch()
    nowhere = run(tmp_path / "file")  # no folder can be made there
    assert compiled[0] == kept[0] == "True"
    assert nowhere[0] == "False"
    assert compiled[1] == kept[1] == nowhere[1]


def test_a_machine_without_numba_has_no_loops(monkeypatch):
    compiled.has_numba.cache_clear()
    monkeypatch.setattr(compiled, "find_spec", lambda name: None)
    try:
        assert not compiled.has_numba()
    finally:
        compiled.has_numba.cache_clear()


@pytest.fixture
def loops(tmp_path, monkeypatch):
    """Return a function that imports the loops of a source, and a folder where loops are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = tmp_path / "own_loops.py"

    def load(factor, edited=None):
        head = "from augtrial.training.kernels.compiled import loop\n\n\n"
        text = head + "@loop\ndef work(x):\n    return {} * x\n"
        source.write_text(text.format(factor))
        code = compile(source.read_text(), str(source), "exec")
        if edited is not None:
            source.write_text(text.format(edited))
        names = {}
        exec(code, names)
        return names["work"]

    return load, tmp_path / "cache"


def test_each_source_keeps_its_own_loops(loops):
    load, cache = loops
    assert [load(factor)(1.0) for factor in (2, 3, 2)] == [2, 3, 2]
    assert len(list(cache.rglob("*.nbc"))) == 2


def test_a_source_that_changes_while_it_loads_keeps_nothing(loops):
    load, cache = loops
    assert load(2, edited=3)(1.0) == 2
    assert not list(cache.rglob("*.nbc"))
    assert load(3)(1.0) == 3


def test_loops_that_cannot_be_read_are_compiled_anew(loops):
    load, cache = loops
    load(2)(1.0)
    for index in cache.rglob("*.nbi"):
        index.write_bytes(b"")
    assert load(2)(1.0) == 2


def test_numbas_own_place_for_loops_stays_what_it_was(loops):
    before = numba.config.CACHE_DIR
    loops[0](2)
    assert before == numba.config.CACHE_DIR
