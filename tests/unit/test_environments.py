"""The conda environments hold the versions of requirements.txt, and all that their rules import."""

import ast
import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ROOT / "workflow" / "scripts"
ENVIRONMENTS = sorted((ROOT / "envs").glob("*.yaml"))
# Names under which packages are imported, where they differ from that of the package.
PACKAGES = {"yaml": "pyyaml"}
# Programs that are not on PyPI.
PROGRAMS = {"bwa", "star"}


def pinned():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if "==" in line)


def packages(environment):
    entries = yaml.safe_load(environment.read_text())["dependencies"]
    return dict(re.fullmatch(r"([\w-]+) =(\S+)", entry).groups() for entry in entries)


def imports(path):
    """Return the modules that a file imports when it is loaded or when a function is called."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def third_party(script):
    """Return the packages that a script needs, through the library as well."""
    found, seen, waiting = set(), set(), [script]
    while waiting:
        for name in imports(waiting.pop()) - seen:
            seen.add(name)
            top = name.split(".")[0]
            if top == "linedrift":
                place = SCRIPTS / name.replace(".", "/")
                files = (place.with_suffix(".py"), place / "__init__.py")
                waiting += [file for file in files if file.is_file()]
            elif top not in sys.stdlib_module_names:
                found.add(PACKAGES.get(top, top))
    return found


def rules():
    """Return (script, environment) of every rule, by the text of the rules files."""
    for file in sorted((ROOT / "workflow" / "rules").glob("*.smk")):
        for body in re.split(r"^rule ", file.read_text(encoding="utf-8"), flags=re.M)[1:]:
            script = re.search(r'"\.\./scripts/(\w+\.py)"', body).group(1)
            environment = re.search(r'"\.\./\.\./envs/(\w+\.yaml)"', body).group(1)
            yield pytest.param(script, environment, id=body.split(":")[0])


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda path: path.stem)
def test_versions_are_those_of_the_requirements(environment):
    wanted = pinned()
    for name, version in packages(environment).items():
        if name not in {"python", *PROGRAMS}:
            assert wanted.get(name) == version, name


def test_there_is_an_environment_for_each_family():
    assert {path.stem for path in ENVIRONMENTS} == {"alignment", "analysis", "pages", "splicing"}


@pytest.mark.parametrize(("script", "environment"), list(rules()))
def test_an_environment_holds_what_its_rule_imports(script, environment):
    held = set(packages(ROOT / "envs" / environment))
    # Sheets' schemas are printed, and settings checked, by the first process alone.
    assert third_party(SCRIPTS / script) - held <= {"pyyaml", "jsonschema"}
