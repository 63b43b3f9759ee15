"""The set-up: one list of packages in three places, and a Makefile that finds a fit Python."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"].values()
DIRECT = [Requirement(line) for lines in (PROJECT["dependencies"], *EXTRAS) for line in lines]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def bounds(requirements: list[Requirement]) -> dict[str, str]:
    return {canonicalize_name(r.name): str(r.specifier) for r in requirements}


def locked() -> list[tuple[Requirement, list[str]]]:
    """Return each requirement of the lock with its hashes."""
    lines = [line for line in LOCK.splitlines() if not line.lstrip().startswith("#")]
    entries = "\n".join(lines).replace("\\\n", " ").splitlines()
    split = [re.split(r"\s+--hash=", entry.strip()) for entry in entries if entry.strip()]
    return [(Requirement(name), hashes) for name, *hashes in split]


def versions(name: str) -> list[str]:
    """Return the versions of a package in the lock: several where Pythons need different ones."""
    return [
        next(iter(requirement.specifier)).version
        for requirement, _ in locked()
        if canonicalize_name(requirement.name) == canonicalize_name(name)
    ]


# The lock ----------------------------------------------------------------------------------


def test_the_lock_names_no_host():
    assert not re.search(r"://|index-url|find-links|trusted-host", LOCK)


def test_every_requirement_of_the_lock_is_one_version_with_hashes():
    assert len(locked()) > 100
    for requirement, hashes in locked():
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert hashes, requirement
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", digest) for digest in hashes), requirement


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_the_lock_covers_every_direct_dependency_within_its_bounds(requirement):
    found = versions(requirement.name)
    assert found, "missing: run `make lock`"
    assert all(requirement.specifier.contains(version) for version in found), found


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_gives_every_python_one_version_of_a_direct_dependency(python):
    environment = {"python_version": python, "python_full_version": f"{python}.0"}
    environment |= {"sys_platform": "linux", "platform_machine": "x86_64"}
    names = [
        canonicalize_name(requirement.name)
        for requirement, _ in locked()
        if requirement.marker is None or requirement.marker.evaluate(environment)
    ]
    assert all(names.count(name) == 1 for name in bounds(DIRECT))
    assert len(names) == len(set(names))


def test_torch_and_torchvision_are_the_pair_of_pyproject():
    pair = bounds(DIRECT)
    for name in ("torch", "torchvision"):
        assert [f"=={version}" for version in versions(name)] == [pair[name]]


def test_torch_and_torchvision_fit_together():
    """Builds of two kinds fail here with "operator torchvision::nms does not exist"."""
    import torch
    import torchvision

    boxes = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]])
    kept = torchvision.ops.nms(boxes, torch.tensor([0.9, 0.8, 0.7]), 0.5)
    assert kept.tolist() == [0, 2]


# conda -------------------------------------------------------------------------------------


def test_environment_yml_has_the_packages_and_bounds_of_pyproject():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))["dependencies"]
    pip = next(entry["pip"] for entry in listed if isinstance(entry, dict))
    assert pip[-1] == "-e ."
    assert bounds([Requirement(line) for line in pip[:-1]]) == bounds(DIRECT)
    conda = [Requirement(entry) for entry in listed if isinstance(entry, str)]
    python = str(Requirement(f"python{PROJECT['requires-python']}").specifier)
    assert bounds(conda)["python"] == python
    assert {"pip", "make"} <= set(bounds(conda))


# Containers and clusters --------------------------------------------------------------------


def installs(recipe: str) -> list[list[str]]:
    """Return the options of each call of pip in a recipe."""
    text = (ROOT / recipe).read_text(encoding="utf-8")
    return [re.findall(r" (--\S+)", line) for line in re.findall(r"pip install --.*", text)]


@pytest.mark.parametrize("recipe", ["Dockerfile", "apptainer.def"])
def test_a_container_is_installed_like_the_environment_of_make(recipe):
    assert len(installs(recipe)) == 3
    assert installs(recipe) == installs("Makefile")[:3]


@pytest.mark.parametrize("name", ["slurm", "kubernetes"])
def test_a_profile_sets_the_resources_of_rules_that_ask_for_a_gpu(name):
    text = (ROOT / "profiles" / name / "profile.yaml").read_text(encoding="utf-8")
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "workflow/rules").glob("*.smk"))
    blocks = re.findall(r"^rule (\w+):(.*?)(?=^\S)", rules + "\nend", re.MULTILINE | re.DOTALL)
    asking = {rule for rule, body in blocks if "gpu=" in body}
    heirs = re.findall(r"use rule (\w+) as (\w+) with", rules)
    for rule, heir in heirs:  # also an heir's heir
        asking |= {heir} if rule in asking else set()
    # SLURM's stand there as comments, to be filled in.
    text = re.sub(r"^# (set-resources:|  \w+: \{)", r"\1", text, flags=re.MULTILINE)
    assert set(yaml.safe_load(text)["set-resources"]) == asking


# make --------------------------------------------------------------------------------------

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
# What the Makefile may run beside the candidates.
TOOLS = ("sh", "make", "echo", "mkdir", "chmod", "rm", "sed", "touch")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the Makefile, and `bin`, the only folder on its PATH."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool))
    return tmp_path


def candidate(folder: Path, name: str, *, version: tuple[int, int] | None, venv: bool = True):
    """Put a Python of some version on the PATH; one without a version is a stub that fails."""
    lines = ["#!/bin/sh", 'echo "$0: no such version" >&2', "exit 127"]
    if version is not None:
        # The finder asks by `-c CODE`: answer as a Python of that version would.
        python = f"import sys; sys.version_info = (*{version}, 0, 'final', 0)"
        hide = "" if venv else "; sys.modules['ensurepip'] = None"
        real = os.path.realpath(sys.executable)
        lines[1:] = [f'exec "{real}" -c "{python}{hide}; exec(sys.argv[1])" "$2"']
    path = folder / "bin" / name
    path.write_text("\n".join(lines) + "\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def make(folder: Path, *targets: str, **variables: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [shutil.which("make"), "--no-print-directory", *targets],
        cwd=folder,
        env={"PATH": str(folder / "bin"), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


@needs_make
def test_make_alone_changes_nothing_and_names_the_targets(folder):
    before = sorted(folder.rglob("*"))
    run = make(folder)
    assert run.returncode == 0, run.stderr
    assert all(f"make {target} " in run.stdout for target in ("study", "test", "lock", "clean"))
    assert sorted(folder.rglob("*")) == before
    assert make(folder, "-n", "help").returncode == 0


@needs_make
def test_a_python_that_is_only_a_stub_is_passed_over(folder):
    candidate(folder, "python3.12", version=None)
    candidate(folder, "python3.13", version=(3, 13))
    run = make(folder, "which-python")
    assert (run.stdout, run.stderr) == ("python3.13\n", "")


@needs_make
@pytest.mark.parametrize(
    ("version", "venv", "fit"),
    [
        ((3, 10), True, False),
        ((3, 11), True, True),
        ((3, 13), True, True),
        ((3, 14), True, False),
        ((3, 12), False, False),
    ],
)
def test_the_python_must_be_in_range_and_make_environments(folder, version, venv, fit):
    candidate(folder, "python3", version=version, venv=venv)
    run = make(folder, "which-python")
    assert (run.returncode == 0) is fit, run.stderr
    assert run.stdout == ("python3\n" if fit else "")


@needs_make
def test_a_python_that_is_named_goes_before_the_others(folder):
    candidate(folder, "python3.12", version=(3, 12))
    mine = candidate(folder, "my own python", version=(3, 11))
    assert make(folder, "which-python", PYTHON=str(mine)).stdout == f"{mine}\n"
    assert make(folder, "which-python", f"PYTHON={mine}").stdout == f"{mine}\n"


@needs_make
def test_a_named_python_that_is_not_fit_is_told_and_passed_over(folder):
    candidate(folder, "python3.12", version=(3, 12))
    old = candidate(folder, "old", version=(3, 9))
    run = make(folder, "which-python", PYTHON=str(old))
    assert run.stdout == "python3.12\n"
    assert f"PYTHON={old} is no Python 3.11 to 3.13" in run.stderr


@needs_make
def test_without_a_fit_python_it_is_told_what_to_install(folder):
    candidate(folder, "python3", version=(3, 9))
    for target in ("which-python", "setup"):
        (folder / "requirements.lock").touch()
        (folder / "pyproject.toml").touch()
        run = make(folder, target)
        assert run.returncode != 0
        assert "apt install python3 python3-venv" in run.stderr
        assert not (folder / ".venv").exists()


@needs_make
def test_a_set_up_that_breaks_off_begins_anew_and_a_finished_one_is_not_repeated(folder):
    (folder / "requirements.lock").write_text("setuptools==81 \\\n    --hash=sha256:0\nother==1\n")
    (folder / "pyproject.toml").touch()
    # Stands for Python: `-m venv` makes an environment whose pip works once `pip-works` is there.
    python = folder / "bin" / "python3"
    python.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -c ]; then exit 0; fi\n'
        'echo "$@" >> calls\n'
        "mkdir -p .venv/bin\n"
        "echo '#!/bin/sh' > .venv/bin/python\n"
        "echo '[ -f pip-works ]' >> .venv/bin/python\n"
        "chmod +x .venv/bin/python\n"
    )
    python.chmod(0o755)
    assert make(folder, "setup").returncode != 0
    assert not (folder / ".venv" / ".ready").exists()

    (folder / "pip-works").touch()
    assert make(folder, "setup").returncode == 0
    assert (folder / "calls").read_text() == "-m venv --clear .venv\n" * 2
    first = (folder / ".venv" / "setuptools.lock").read_text()
    assert first == "setuptools==81 \\\n    --hash=sha256:0\n"

    again = make(folder, "setup")
    assert again.returncode == 0
    assert "pip" not in again.stdout
