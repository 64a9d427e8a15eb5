"""Real documents, made when a test needs them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

REPORT = (
    (
        "Temperature",
        "The mean annual temperature in Bern was 8.8 °C in 2015. It was measured at the station of Zollikofen by Dr. Meier et al.",
    ),
    ("Visitors", "Visitors have increased since 1990. This happened because the new railway line brought more people to the region."),
    ("Method", "Each station reports once per hour. Values that fail the plausibility check are left out, e.g. spikes of more than 10 K."),
)
"""Three chapters: heading, text."""


def write_pdf(path: Path, chapters: Sequence[tuple[str, str]] = REPORT, *, title: str = "Climate report", table: bool = False) -> Path:
    """A PDF with one chapter a page, a running header and page numbers."""
    from reportlab.lib import colors
    from reportlab.lib.pagesizes import A4
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table

    styles = getSampleStyleSheet()

    def edge(canvas: Any, page: Any) -> None:
        canvas.drawString(60, 820, "Institute of Climate, series B")
        canvas.drawString(280, 20, f"Page {page.page}")

    story: list[object] = []
    for heading, text in chapters:
        story += [Paragraph(heading, styles["Heading1"]), Paragraph(text, styles["BodyText"]), PageBreak()]
    if table:
        rows = Table([["Station", "Year", "Temperature"], ["Bern", "2015", "8.8"], ["Basel", "2015", "10.5"]])
        rows.setStyle([("GRID", (0, 0), (-1, -1), 1, colors.black)])
        story += [Paragraph("Table 1: Temperatures by station", styles["BodyText"]), rows]
    SimpleDocTemplate(str(path), pagesize=A4, title=title).build(story, onFirstPage=edge, onLaterPages=edge)
    return path


def write_scan(path: Path, pages: int = 3) -> Path:
    """A PDF without a letter."""
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path))
    for _ in range(pages):
        canvas.rect(50, 50, 400, 600, fill=1)
        canvas.showPage()
    canvas.save()
    return path


def write_locked_pdf(path: Path) -> Path:
    """A PDF that asks for a password."""
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    canvas = Canvas(str(path), encrypt=StandardEncryption("open sesame"))
    canvas.drawString(100, 700, "Nobody reads this.")
    canvas.save()
    return path


def write_docx(path: Path, chapters: Sequence[tuple[str, str]] = REPORT) -> Path:
    """A Word document with headings, a list and a table."""
    import docx

    document = docx.Document()
    document.add_heading("Climate report", 0)
    for heading, text in chapters:
        document.add_heading(heading, 1)
        document.add_paragraph(text)
    document.add_paragraph("first item", style="List Bullet")
    document.add_paragraph("second item", style="List Bullet")
    table = document.add_table(2, 2)
    for row, cells in enumerate((("Station", "Mean"), ("Bern", "8.8"))):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    document.save(str(path))
    return path
