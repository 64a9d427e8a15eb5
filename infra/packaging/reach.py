"""The files a function needs at run time: the modules that its imports reach, and the data files of their packages."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

ROOT_PACKAGES = ("schemas", "shared", "functions", "infra", "cli")
NOT_SHIPPED = ("schemas/v1", "schemas/openapi.yaml", "shared/telemetry/tables.json")
"""Data of a package that only commands and the infrastructure read."""
_LEFTOVERS = ("__pycache__",)


@dataclass(frozen=True, slots=True)
class _Import:
    """One import: ``module``, and the names that are taken from it (each may be a module of its own)."""

    module: str
    names: tuple[str, ...] = ()


def files_of(root: Path, module: str) -> list[Path]:
    """Paths relative to ``root``, sorted: ``module``, every module of ours it reaches, lazily imported ones too, and their data files.

    What only type checkers import does not count. Raises ``FileNotFoundError`` where there is no such module.
    """
    if _file_of(root, module) is None:
        raise FileNotFoundError(f"there is no module {module} under {root}")
    reached: set[Path] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        for found in _with_parents(root, name):
            if found in reached:
                continue
            reached.add(found)
            waiting += [imported for imported in _imported(root / found, _name_of(found)) if _file_of(root, imported)]
    packages = {path.parent for path in reached}
    return sorted(reached | {data for package in packages for data in _data_of(root, package)})


def _file_of(root: Path, module: str) -> Path | None:
    """The file of a module of ours, relative to ``root``."""
    if module.split(".", maxsplit=1)[0] not in ROOT_PACKAGES:
        return None
    place = Path(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if (root / path).is_file():
            return path
    return None


def _with_parents(root: Path, module: str) -> Iterator[Path]:
    """The module's file and those of the packages above it, which Python runs first."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        found = _file_of(root, ".".join(parts[:end]))
        if found is not None:
            yield found


def _name_of(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, name: str) -> Iterator[str]:
    """Names of all that may be modules among what the file at ``path`` imports, anywhere in it."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    for found in _imports_in(path.read_text(encoding="utf-8"), package, str(path)):
        yield found.module
        yield from (f"{found.module}.{taken}" for taken in found.names)


@lru_cache(maxsize=4096)  # the functions share most of their modules
def _imports_in(source: str, package: str, shown: str) -> tuple[_Import, ...]:
    return tuple(_walk(_parsed(source, shown), package))


def _parsed(source: str, shown: str) -> ast.Module:
    """The syntax tree. Until Python 3.11.8 and 3.12.2 a garbage collection in the midst of ``ast.parse`` can fail it with a ``SystemError``
    (github.com/python/cpython/issues/106905), and Pulumi's program leaves much garbage.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        return ast.parse(source, shown)
    finally:
        if collects:
            gc.enable()


def _walk(node: ast.AST, package: str) -> Iterator[_Import]:
    if isinstance(node, ast.Import):
        yield from (_Import(alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
        yield _Import(".".join([*above, *([node.module] if node.module else [])]), tuple(alias.name for alias in node.names))
    elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        for rest in node.orelse:
            yield from _walk(rest, package)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _walk(child, package)


def _data_of(root: Path, package: Path) -> Iterator[Path]:
    """The package's files that are no modules: those in its folder, and all in folders below that are no packages of their own."""
    for entry in (root / package).iterdir():
        path = package / entry.name
        if path.as_posix() in NOT_SHIPPED or entry.name in _LEFTOVERS or entry.name.startswith("."):
            continue
        if entry.is_dir() and not (entry / "__init__.py").exists():
            yield from _all_below(root, path)
        elif entry.is_file() and entry.suffix not in (".py", ".pyc"):
            yield path


def _all_below(root: Path, folder: Path) -> Iterator[Path]:
    for entry in (root / folder).rglob("*"):
        inside = entry.relative_to(root / folder)
        if entry.is_file() and entry.suffix != ".pyc" and not any(p in _LEFTOVERS or p.startswith(".") for p in inside.parts):
            yield folder / inside
