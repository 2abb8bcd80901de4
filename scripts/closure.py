"""The own files that a function needs: the modules that its entry point imports, and so on.

Imports are read from the sources, so that one inside of a function counts as one at the top. What
is imported for type checkers never runs, and does not count. A module that is loaded by a name that
is computed is seen by nobody: the function's description names it (`loads`).
"""

import ast
import itertools
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path, PurePosixPath

from scripts.contents import BuildError


def own_files(folder: Path, patterns: Iterable[str]) -> dict[str, Path]:
    """Files below a folder of sources that the modules of these names need, by name in the zip.

    In a pattern, `*` stands for one part of a name, as in `tasks.*.serving`. What is not Python
    belongs to the package in whose folder it is. Raises BuildError for a pattern without a module,
    and for a module that is not Python.
    """
    modules = _modules(folder)
    waiting = [name for pattern in patterns for name in _matching(modules, pattern)]
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in modules and name not in needed:
            needed.add(name)
            waiting += _imported(modules[name], name)
    files = [modules[name] for name in needed]
    files += [data for file in files if file.name == "__init__.py" for data in _data(file.parent)]
    return {file.relative_to(folder).as_posix(): file for file in files}


@cache
def import_statements(source: str) -> tuple[ast.Import | ast.ImportFrom, ...]:
    """Imports in the text of a module that can run, wherever in it they are."""
    tree = _WithoutTypes().visit(ast.parse(source))
    return tuple(node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


class _WithoutTypes(ast.NodeTransformer):
    """Removes what only type checkers read."""

    def visit_If(self, node: ast.If) -> ast.If:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            node.body = []
        self.generic_visit(node)
        return node


def _modules(folder: Path) -> dict[str, Path]:
    """All modules below a folder, by name; a package's is that of its folder."""
    return {
        ".".join(file.relative_to(folder).with_suffix("").parts).removesuffix(".__init__"): file
        for file in folder.rglob("*.py")
    }


def _matching(modules: Iterable[str], pattern: str) -> list[str]:
    path = pattern.replace(".", "/")
    found = [one for one in modules if PurePosixPath(one.replace(".", "/")).full_match(path)]
    if not found:
        raise BuildError(
            f"no module of lambda_src has the name {pattern!r}: correct handler or loads in "
            "modules/functions.json"
        )
    return found


def _imported(file: Path, name: str) -> Iterator[str]:
    """Names that may be modules: those that a module imports, and the packages around them all."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found = [name]
    try:
        statements = import_statements(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise BuildError(f"{file} is not Python 3.13: {error}") from error
    for statement in statements:
        names = [alias.name for alias in statement.names]
        if isinstance(statement, ast.ImportFrom):
            source = resolve_name("." * statement.level + (statement.module or ""), package)
            names = [f"{source}.{one}" for one in names]
        found += names
    for one in found:
        yield from itertools.accumulate(one.split("."), "{}.{}".format)


def _data(folder: Path) -> list[Path]:
    """Files of a package that are no code, and no lock of its packages."""
    return [
        file
        for file in folder.iterdir()
        if file.is_file()
        and not file.name.startswith((".", "requirements."))
        and file.suffix not in (".py", ".pyc")
    ]
