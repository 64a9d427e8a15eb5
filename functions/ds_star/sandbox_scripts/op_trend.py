"""trend: change over at least eight periods, with autocorrelation-robust errors, of all rows or of each group."""

from __future__ import annotations

from operating import Job, carry_out
from trending import asked_of, say_trends


def trend(job: Job) -> None:
    """The trend of all rows, or of each group."""
    say_trends(job, asked_of(job))


emit(carry_out(trend, parameters, inputs, record))  # noqa: F821
