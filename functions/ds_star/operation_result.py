"""What a committed operation script emits, checked before anything of it is used: it ran over data that nobody trusts."""

from __future__ import annotations

from pydantic import Field

from schemas.analysis import TestResult
from schemas.assertion import Assertion
from schemas.base import Contract


class WeakFinding(Contract):
    """What to say instead where p, adjusted for all tests of the mission, is not below 0.05."""

    statement: str
    assertion: Assertion | None = None


class RawFinding(Contract):
    """A finding before it has ids. ``statement`` holds slots with the names of recorded values: ``{mean_bern}``."""

    statement: str
    assertion: Assertion | None = None
    weak: WeakFinding | None = None
    values: tuple[str, ...] = ()
    test: TestResult | None = None
    n_used: int | None = None
    n_dropped: int | None = None
    columns: tuple[str, ...] = ()


class OutputNote(Contract):
    """A chart or table by its file name in ``outputs/``, and its caption."""

    file: str
    caption: str


class OperationResult(Contract):
    """Everything that an operation emits. ``formats`` gives the decimals with which a value is to be stated, by its name."""

    findings: tuple[RawFinding, ...] = ()
    charts: tuple[OutputNote, ...] = ()
    tables: tuple[OutputNote, ...] = ()
    formats: dict[str, int] = Field(default_factory=dict)
    assumptions: tuple[str, ...] = ()
    limitations: tuple[str, ...] = ()
    refusal: str | None = None
