"""trend: change over at least eight periods, with autocorrelation-robust errors, of all rows, of each group, or of groups in order."""

from __future__ import annotations

from operating import Job, carry_out
from trend_ranking import say_ranking
from trending import asked_of, say_trends


def trend(job: Job) -> None:
    """The trend of all rows, or of each group; where the question ranks them, the first is named."""
    asked = asked_of(job)
    if asked.by is not None and job.spec.get("ranked_by"):
        say_ranking(job, asked)
    else:
        say_trends(job, asked)


emit(carry_out(trend, parameters, inputs, record))
