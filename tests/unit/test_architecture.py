"""The library is built in the order that docs/architecture.md gives, lowest module first."""

import ast
import re

import pytest


@pytest.fixture(scope="module")
def order(repository):
    """Return the modules in the order of the document."""
    text = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    return re.findall(r"^\d+\. `([\w.]+)`: ", text, flags=re.M)


@pytest.fixture(scope="module")
def library(repository):
    """Return the modules of the library: name -> syntax tree."""
    folder = repository / "workflow" / "scripts" / "linedrift"
    return {
        ".".join(path.relative_to(folder).with_suffix("").parts): ast.parse(path.read_bytes())
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__init__.py"
    }


def imported(tree):
    """Return the names that a module imports from the library, without the package's name.

    Of `from linedrift.tables import read` both `tables` and `tables.read`: which of them is a
    module the caller knows.
    """
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            names |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
        elif isinstance(node, ast.Import):
            names |= {one.name for one in node.names}
    return {name.removeprefix("linedrift.") for name in names if name.startswith("linedrift.")}


def test_the_document_lists_every_module_once(order, library):
    assert sorted(order) == sorted(library), "docs/architecture.md lists other modules than exist"


def test_a_module_imports_only_what_stands_before_it(order, library):
    place = {name: at for at, name in enumerate(order)}
    wrong = [
        f"{name} imports {other}, which does not stand before it in docs/architecture.md"
        for name in order
        for other in sorted(imported(library[name]) & set(library))
        if place[other] >= place[name]
    ]
    assert not wrong, "\n".join(wrong)


def test_imports_are_absolute(library):
    relative = {
        name
        for name, tree in library.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    }
    assert not relative, "common.smk follows absolute imports only: the others rerun nothing"


def test_an_import_of_a_later_module_would_be_seen():
    tree = ast.parse("from linedrift import pages\nfrom linedrift.tables import read\nimport os")
    assert {"pages", "tables"} <= imported(tree)
    assert "os" not in imported(tree)


def test_the_tree_of_the_document_is_there(repository):
    text = (repository / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.partition("## The tree")[2].split("```")[1]
    named = [line.split()[0] for line in tree.strip().splitlines()]
    assert len(named) > 10
    assert not [path for path in named if not (repository / path).exists()]


def test_links_of_the_documents_lead_somewhere(repository):
    pages = [repository / "README.md", *sorted((repository / "docs").glob("*.md"))]
    pages += [repository / folder / "README.md" for folder in ("config", "demo", "profiles")]
    broken = [
        f"{page.relative_to(repository)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
        if not link.startswith(("http://", "https://", "mailto:"))
        and not (page.parent / link).exists()
    ]
    assert not broken
