import subprocess
import sys

from augtrial import compiled


def test_a_compiled_and_a_kept_loop_give_the_same_bytes(tmp_path):
    code = """
import hashlib, torch
from augtrial import compiled, pooling
from augtrial.synthesizers.layers import Doubling, Halving
torch.manual_seed(1)
digest = hashlib.sha256()
for channels in (1, 16):
    convolution = torch.nn.Conv2d(channels, 24, 3)
    x = torch.randn(3, channels, 13, 13, requires_grad=True)
    values = pooling.convolve_and_pool(x, convolution)
    values.square().sum().backward()
    for numbers in (values, x.grad, convolution.weight.grad, convolution.bias.grad):
        digest.update(numbers.detach().contiguous().numpy().tobytes())
for kind in (Halving, Doubling):
    layer, x = kind(16, 8, 5), torch.randn(17, 16, 8, 8, requires_grad=True)
    values = layer(x)
    values.square().sum().backward()
    for numbers in (values, x.grad, layer.weight.grad):
        digest.update(numbers.detach().contiguous().numpy().tobytes())
print(compiled._folder(pooling.__file__) is not None, digest.hexdigest())
"""

    def run(home):
        environment = {"PATH": "", "XDG_CACHE_HOME": str(home), "HOME": str(tmp_path)}
        command = [sys.executable, "-c", code]
        told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return told.stdout.split()

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


def test_other_sources_keep_their_loops_elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source, vectors = tmp_path / "loops.py", tmp_path / "vectors.py"
    source.touch()
    vectors.touch()
    monkeypatch.setattr(compiled, "VECTORS", vectors)
    folders = [compiled._folder.__wrapped__(str(source))]
    for changed in (source, vectors):
        changed.write_text("changed")
        folders.append(compiled._folder.__wrapped__(str(source)))
    assert len(set(folders)) == 3
