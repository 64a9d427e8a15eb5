"""The report as a folder for its reader: the three formats, charts, tables, and scripts that run without KIMERA."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from functions.fusion.render.html import render_html
from functions.fusion.render.json import render_json
from functions.fusion.render.markdown import render_markdown
from functions.fusion.render.svg import chart_bytes
from functions.fusion.text import one_line, slug_name
from schemas.outcome import MissionOutcomePackage
from shared.artifacts import ArtifactStore
from shared.errors import BadInput, Corrupt, NotFound

_FOLDERS = {"chart": "charts", "table": "tables", "script": "scripts", "data": "scripts"}
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time a ZIP can hold: the same report gives the same archive."""


def read_files(outcome: MissionOutcomePackage, artifacts: ArtifactStore) -> dict[str, bytes]:
    """The bytes of the outcome's artifacts by name; one that is gone or damaged is left out, and the page says so."""
    files: dict[str, bytes] = {}
    for artifact in outcome.artifacts:
        uri = outcome.provenance.uris.get(artifact.name)
        if uri is None:
            continue
        try:
            files[artifact.name] = artifacts.get(uri)
        except (NotFound, BadInput, Corrupt):
            continue
    return files


def report_folder(outcome: MissionOutcomePackage, artifacts: ArtifactStore) -> dict[str, bytes]:
    """Relative path -> bytes of everything the reader gets."""
    files = read_files(outcome, artifacts)
    folder = {
        "report.md": render_markdown(outcome, files).encode(),
        "report.html": render_html(outcome, files).encode(),
        "report.json": render_json(outcome).encode(),
    }
    scripts = 0
    for artifact in outcome.artifacts:
        data = files.get(artifact.name)
        if data is None:
            continue
        if artifact.kind == "chart":
            safe = chart_bytes(artifact, data)
            data = safe[0] if safe else data
            if safe is None and data.lstrip()[:1] == b"<":
                continue  # markup that is no safe picture is not put before a browser
        scripts += artifact.kind == "script"
        folder[f"{_FOLDERS[artifact.kind]}/{slug_name(artifact.name)}"] = data
    if scripts:
        folder["scripts/rerun.py"] = (Path(__file__).parent / "rerun.py.txt").read_bytes()
    folder["README.txt"] = _readme(outcome, with_scripts=bool(scripts)).encode()
    return dict(sorted(folder.items()))


def report_zip(folder: Mapping[str, bytes]) -> bytes:
    """The folder as one ZIP archive; equal folders give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(folder.items()):
            archive.writestr(zipfile.ZipInfo(path, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _readme(outcome: MissionOutcomePackage, *, with_scripts: bool) -> str:
    data_files = [one_line(s.title) for s in outcome.sources if "data_file" in s.flags]
    text = f"""A report made by KIMERA

{one_line(outcome.question)}

report.html   the report as a page: open it in a browser, print it, send it; it needs nothing else
report.md     the same as Markdown
report.json   the same for programs, with every recorded value in full
charts/       the charts
tables/       the tables
"""
    if not with_scripts:
        return text
    names = f" ({', '.join(data_files)})" if data_files else ""
    return f"""{text}scripts/      the code behind every figure

To run a script again, without KIMERA:

1. Install Python 3.11 or later and what the scripts import:
     pip install pandas numpy scipy statsmodels scikit-learn matplotlib duckdb pyarrow openpyxl
2. Put the data files of the question into one folder, under their names in the report{names}.
3. Run one, here with the data in the folder "data":
     python scripts/rerun.py scripts/SCRIPT.py --data data

It prints each value as it is recorded, as "name = value unit (n, filters)", and leaves charts and tables in ./outputs.
Compare them with the figures of the report; report.json holds them in full.
"""
