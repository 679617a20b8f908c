"""What a script is built on: the modules of the library that it imports, found by their text.

makes  library(), by which a job runs again when one of them has changed
"""

import ast
import hashlib
from functools import cache

from snakemake.exceptions import WorkflowError


@cache
def source(module):
    """Return the file of a script or module (linedrift/tables), None where there is none."""
    package, _, name = module.rpartition("/")
    # `from linedrift.tables import read`: read is no module, for tables is no package.
    if package and not (source(package) or "").endswith("__init__.py"):
        return None
    for path in (f"../scripts/{module}.py", f"../scripts/{module}/__init__.py"):
        try:
            return workflow.source_path(path)
        except (WorkflowError, OSError):
            continue


@cache
def imports(module):
    """Return the modules of the library, and their packages, that a module imports."""
    names = set()
    with open(source(module), encoding="utf-8") as text:
        for node in ast.walk(ast.parse(text.read())):
            if isinstance(node, ast.ImportFrom) and node.module.startswith("linedrift"):
                parts = node.module.split(".")
                names |= {".".join(parts[:n]) for n in range(1, len(parts) + 1)}
                names |= {f"{node.module}.{name.name}" for name in node.names}
    return {name.replace(".", "/") for name in names}


@cache
def built_on(script):
    """Return the library files that a script is built on."""
    found, waiting = {"linedrift"}, {script}
    while waiting:
        new = {name for name in imports(waiting.pop()) - found if source(name)}
        found |= new
        waiting |= new
    return [source(name) for name in sorted(found)]


@cache
def digest(path):
    """Return a hash of a file."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


@cache
def library(script):
    """Return what stands for the library in the parameters of a rule.

    It changes with every file that the script is built on. As inputs those fifty files would be
    in every message about a job.
    """
    texts = "".join(map(digest, built_on(script)))
    return hashlib.sha256(texts.encode()).hexdigest()[:16]
