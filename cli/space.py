"""``kimera space``: the documents of a knowledge space, which every mission of the space can quote."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.configuration import load_settings
from cli.console import AsJson, log_to, new_app, note, print_json
from shared.counted import counted
from shared.documents import Json
from shared.errors import BadInput

if TYPE_CHECKING:
    from shared.spaces import Spaces

app = new_app("Add documents to a knowledge space, search it, export it, take documents out.")
SpaceName = Annotated[str, typer.Argument(metavar="SPACE", help="The space's name: lower-case letters, digits, - and _.")]


@app.command()
def add(
    space: SpaceName,
    documents: Annotated[list[Path], typer.Argument(metavar="DIR|FILE...", help="PDF, DOCX, HTML, Markdown or text.")],
    as_json: AsJson = False,
) -> int:
    """Add documents. What the space holds already is left alone; a file that cannot be read stops no other. Exit 2 if none could.

    A file that changed is another document: the one before stays until `remove` takes it out.
    """
    from infra.local.files import collect_documents

    files = collect_documents(documents)
    results: list[Json] = []
    readable = 0
    with _spaces() as (spaces, owner):
        for done in spaces.add(owner, space, [file.path for file in files]):
            readable += done.status != "unreadable"
            said = done.problem or counted(done.passages, "passage") if done.status != "unchanged" else "known already"
            note(f"{done.status:<10} {done.name}: {said}")
            for warning in done.warnings:
                note(f"           {done.name}: {warning}")
            for digits in done.namesakes:
                note(f"           Another {done.name} stays beside it: `kimera space remove {space} {digits}` takes that one out.")
            results.append({"name": done.name, "status": done.status, "passages": done.passages, "problem": done.problem})
    if as_json:
        print_json({"space": space, "files": results})
    if not readable:
        if as_json:
            return 2
        raise BadInput(f"None of {counted(len(files), 'file')} could be read.", remedy="See above what is wrong with each.")
    return 0


@app.command(name="list")
def list_spaces(
    space: Annotated[str | None, typer.Argument(metavar="[SPACE]", help="List this one's documents.", show_default=False)] = None,
    as_json: AsJson = False,
) -> int:
    """List the spaces, or the documents of one."""
    with _spaces() as (spaces, owner):
        if space is None:
            found = spaces.summaries(owner)
            rows: list[Json] = [{"space": s.space, "documents": s.documents, "passages": s.chunks} for s in found]
            lines = [f"{s.space:<24} {counted(s.documents, 'document'):>15} {counted(s.chunks, 'passage'):>16}" for s in found]
        else:
            documents = spaces.documents(owner, space)
            rows = [{"name": d.name, "title": d.title, "sha256": d.sha256, "pages": d.pages, "date": d.date} for d in documents]
            lines = [f"{d.digits}  {d.name:<40} {counted(d.pages, 'page') if d.pages else '':>10}  {d.title}" for d in documents]
    if as_json:
        print_json({"spaces": rows} if space is None else {"space": space, "documents": rows})
    else:
        print("\n".join(lines) or "There are no spaces yet. Add documents with `kimera space add SPACE DIR`.")
    return 0


@app.command()
def search(
    space: SpaceName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the passages should be about.")],
    limit: Annotated[int, typer.Option("--limit", min=1, max=100, help="How many passages at most.")] = 8,
    as_json: AsJson = False,
) -> int:
    """Show the passages that match best, with where they stand."""
    with _spaces() as (spaces, owner):
        found = spaces.search(owner, space, text, k=limit)
    if as_json:
        rows: list[Json] = [
            {
                "text": p.text,
                "document": p.document,
                "title": p.title,
                "page": p.page,
                "heading_path": list(p.heading_path),
                "score": round(p.score, 6),
            }
            for p in found
        ]
        print_json({"space": space, "passages": rows})
        return 0
    for passage in found:
        place = [passage.document, *([f"page {passage.page}"] if passage.page else []), *passage.heading_path]
        print(f"{' > '.join(place)}\n  {' '.join(passage.text.split())}\n")
    if not found:
        print("Nothing about that was found in these documents.")
    return 0


@app.command()
def remove(
    space: SpaceName,
    document: Annotated[str, typer.Argument(metavar="DOCUMENT", help="Its name, or the digits that `kimera space list SPACE` shows.")],
    as_json: AsJson = False,
) -> int:
    """Take a document out of a space: no mission finds it any more. Its stored text stays for the reports that quote it."""
    with _spaces() as (spaces, owner):
        removed = spaces.remove(owner, space, document)
    if as_json:
        print_json({"space": space, "removed": {"name": removed.name, "title": removed.title, "sha256": removed.sha256}})
    else:
        print(f"{removed.name} ({removed.digits}) is no longer in {space}.")
    return 0


@app.command()
def export(
    space: SpaceName,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write there instead of stdout.")] = None,
) -> int:
    """Write the space as JSON lines: documents, passages, edges. Equal spaces give equal lines."""
    with _spaces() as (spaces, owner):
        lines = spaces.export(owner, space)
        if out is None:
            for line in lines:
                sys.stdout.write(line + "\n")
        else:
            first = next(lines, None)  # an unknown space is said before a file is made
            with out.open("w", encoding="utf-8") as target:
                for line in [first] if first is not None else []:
                    target.write(line + "\n")
                for line in lines:
                    target.write(line + "\n")
    return 0


@contextmanager
def _spaces() -> Iterator[tuple[Spaces, str]]:
    from infra.local.api import bearer
    from shared.runtime import Runtime
    from shared.spaces import Spaces

    settings = load_settings()
    log_to(settings.home)
    runtime = Runtime(settings)
    try:
        owner = runtime.identity.owner(bearer(os.environ.get("KIMERA_TOKEN")))
        yield Spaces(runtime.sandbox, runtime.artifacts, runtime.knowledge, runtime.home / "scratch"), owner
    finally:
        runtime.close()
