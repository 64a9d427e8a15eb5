"""The report as a folder for its reader: the three formats, charts, tables, and scripts that run without KIMERA."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from functions.fusion.render.code import runs_alone
from functions.fusion.render.html import render_html
from functions.fusion.render.json import render_json
from functions.fusion.render.markdown import render_markdown
from functions.fusion.render.svg import chart_bytes
from functions.fusion.sources import DATA_FILE
from functions.fusion.text import one_line, slug_name
from schemas.outcome import MissionOutcomePackage
from shared.artifacts import ArtifactStore
from shared.errors import BadInput, Corrupt, NotFound

_FOLDERS = {"chart": "charts", "table": "tables", "script": "scripts", "data": "scripts"}
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
"""The earliest time a ZIP can hold: the same report gives the same archive."""


def read_files(outcome: MissionOutcomePackage, artifacts: ArtifactStore) -> dict[str, bytes]:
    """The bytes of the outcome's artifacts by name; one that is gone, damaged or another is left out, and the page says so."""
    files: dict[str, bytes] = {}
    for artifact in outcome.artifacts:
        uri = outcome.provenance.uris.get(artifact.name)
        if uri is None:
            continue
        try:
            data = artifacts.get(uri)
        except (NotFound, BadInput, Corrupt):
            continue
        if hashlib.sha256(data).hexdigest() == artifact.sha256:
            files[artifact.name] = data
    return files


def report_folder(outcome: MissionOutcomePackage, artifacts: ArtifactStore) -> dict[str, bytes]:
    """Relative path -> bytes of everything the reader gets."""
    files = read_files(outcome, artifacts)
    folder = {
        "report.md": render_markdown(outcome, files).encode(),
        "report.html": render_html(outcome, files).encode(),
        "report.json": render_json(outcome).encode(),
    }
    for artifact in outcome.artifacts:
        data = files.get(artifact.name)
        if data is None:
            continue
        if artifact.kind == "chart":
            safe = chart_bytes(artifact, data)
            data = safe[0] if safe else data
            if safe is None and data.lstrip()[:1] == b"<":
                continue  # markup that is no safe picture is not put before a browser
        folder[f"{_FOLDERS[artifact.kind]}/{slug_name(artifact.name)}"] = data
    scripts = {a.name: runs_alone(files[a.name]) for a in outcome.artifacts if a.kind == "script" and a.name in files}
    if not all(scripts.values()):
        folder["scripts/rerun.py"] = (Path(__file__).parent / "rerun.py.txt").read_bytes()
    folder["README.txt"] = _readme(outcome, scripts).encode()
    return dict(sorted(folder.items()))


def report_zip(folder: Mapping[str, bytes]) -> bytes:
    """The folder as one ZIP archive; equal folders give equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in sorted(folder.items()):
            archive.writestr(zipfile.ZipInfo(path, _ZIP_TIME), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _readme(outcome: MissionOutcomePackage, scripts: Mapping[str, bool]) -> str:
    """What lies in the folder, and how its scripts run again. ``scripts``: name -> whether it needs no ``rerun.py``."""
    data_files = [one_line(s.title) for s in outcome.sources if DATA_FILE in s.flags]
    text = f"""A report made by KIMERA

{one_line(outcome.question)}

report.html   the report as a page: open it in a browser, print it, send it; it needs nothing else
report.md     the same as Markdown
report.json   the same for programs, with every recorded value in full
charts/       the charts
tables/       the tables
"""
    if not scripts:
        return text
    names = f" ({', '.join(data_files)})" if data_files else ""
    runs = "\n".join(
        f"     python scripts/{slug_name(name)} data" if alone else f"     python scripts/rerun.py scripts/{slug_name(name)} --data data"
        for name, alone in sorted(scripts.items())
    )
    return f"""{text}scripts/      the code behind every figure

To run it again, without KIMERA:

1. Install Python 3.11 or later and what the scripts import:
     pip install pandas numpy scipy statsmodels scikit-learn matplotlib duckdb pyarrow openpyxl charset-normalizer
2. Put the data files of the question into a folder "data", under their names in the report{names}.
3. Run what you want to check:
{runs}

Each value is printed as it is recorded; charts and tables go to the folder "outputs" where you stand.
Compare them with the figures of the report; report.json holds them in full.
"""
