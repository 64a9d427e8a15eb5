"""How a test is stated: what it shows where p is clear, what stays open where it is not; both travel, as Holm's p decides."""

from __future__ import annotations

from figures import Report

CLEAR = 0.05


def conclude(
    report: Report,
    *,
    strong: str,
    none: str,
    about: dict[str, object],
    test: dict[str, object],
    used: int,
    dropped: int,
    columns: list[str | None],
) -> None:
    """Add the finding with both of its statements; ``about`` is the assertion of the strong one."""
    open_about = {**about, "comparator": "no_difference"}
    if about["direction"] != "unknown":
        open_about["direction"] = "none"
    clear = test["p"] is not None and test["p"] < CLEAR
    report.finding(
        strong if clear else none,
        assertion=about if clear else open_about,
        weak={"statement": none, "assertion": open_about},
        test=test,
        used=used,
        dropped=dropped,
        columns=[c for c in columns if c],
    )
