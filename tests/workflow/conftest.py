"""A copy of the workflow that tests may change, with scripts that only make their outputs."""

import ast
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("Snakefile", "workflow", "config", "resources", "envs", "profiles", "pyproject.toml")
# Keeps the imports, by which the workflow knows what a script is built on, and loads none.
STUB = """
if False:
{imports}

import os

for path in snakemake.output:
    if os.path.splitext(path)[1]:
        open(path, "w").write("made by a stub")
    else:
        os.makedirs(path, exist_ok=True)
"""


def stub(script: Path) -> str:
    """Return a script with the imports of this one, which makes its outputs and no more."""
    tree = ast.parse(script.read_text(encoding="utf-8"))
    nodes = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    return STUB.format(imports=textwrap.indent("\n".join(map(ast.unparse, nodes)), "    "))


class Checkout:
    """A copy of the workflow, and Snakemake in it."""

    def __init__(self, folder: Path, stubbed: bool) -> None:
        self.folder = folder
        for part in PARTS:
            copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
            copy(ROOT / part, folder / part)
        if stubbed:
            for script in self.scripts():
                script.write_text(stub(script), encoding="utf-8")

    def scripts(self) -> list[Path]:
        """Return the scripts of the rules."""
        return sorted((self.folder / "workflow" / "scripts").glob("*.py"))

    def run(self, *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run Snakemake and return what it said; standard output and error are one."""
        command = [sys.executable, "-m", "snakemake", *arguments]
        return subprocess.run(
            command,
            cwd=cwd or self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
            # As `make demo` does: what is compiled is kept.
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
        )


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """Return a copy of the workflow with its own scripts; tests must leave it as it is."""
    return Checkout(tmp_path_factory.mktemp("pristine"), stubbed=False)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a copy with stubs whose example bank is done."""
    checkout = Checkout(tmp_path_factory.mktemp("finished"), stubbed=True)
    done = checkout.run("--cores", "2", "--quiet")
    assert done.returncode == 0, done.stdout
    return checkout
