"""``kimera package``: the source archives that are deployed, one per function."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import AsJson, new_app, print_json
from shared.counted import counted
from shared.documents import Json
from shared.errors import BadInput

if TYPE_CHECKING:
    from functions.manifest import FunctionRow

app = new_app("Build the functions' source archives, as they are deployed.")


@app.command()
def package(
    functions: Annotated[
        list[str] | None, typer.Argument(metavar="[FUNCTION]...", help="Which ones; else all.", show_default=False)
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the archives go.")] = Path("build/functions"),
    as_json: AsJson = False,
) -> int:
    """Build the source archive of each function: its own modules, what they import, and its locked requirements.

    The same sources give the same bytes, so a hash that changed says that the function did.
    """
    from infra.packaging.archive import build

    built = [build(row, out) for row in _wanted(functions or [])]
    if as_json:
        archives: list[Json] = [
            {"function": a.function, "path": str(a.path), "sha256": a.sha256, "bytes": a.size, "files": a.files} for a in built
        ]
        print_json({"archives": archives})
        return 0
    width = max(len(a.function) for a in built)
    for a in built:
        print(f"{a.function:<{width}}  {a.size:>9,} bytes  {a.files:>4} files  sha256 {a.sha256}")
    print(f"{counted(len(built), 'archive')} in {out}")
    return 0


def _wanted(names: list[str]) -> list[FunctionRow]:
    from functions.manifest import MANIFEST

    known = {row.name: row for row in MANIFEST}
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"Did you mean {close[0]}?" if close else f"There are {', '.join(known)}."
            raise BadInput(f"There is no function {name[:80]!r}.", remedy=hint)
    return [row for name, row in known.items() if not names or name in names]
