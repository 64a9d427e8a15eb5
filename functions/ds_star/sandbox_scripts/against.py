"""All groups set against one that is named: which of them lie beyond it, and where it stands itself."""

from __future__ import annotations

import math
from collections.abc import Callable

from figures import Refusal, capital, fold, safe
from operating import Job
from trends import ROUNDING

NAMED = 12
"""Groups that a statement names; all stand in the table."""


class Against:
    """The figures of the groups of ``by``, beside that of ``spec["than"]``."""

    def __init__(self, job: Job, values: dict[str, float], by: str) -> None:
        """``Refusal`` where the group that is named has no figure."""
        self.job, self.values, self.by = job, values, by
        wanted = str(job.spec["than"])
        found = [g for g in values if fold(g) == fold(wanted)]
        if not found:
            raise Refusal(f"there is no figure for {wanted} of `{by}`, which the others are to be set against")
        self.member = found[0]

    def beyond(self, *, moving: bool) -> list[str]:
        """The groups above the member, or below it, as the question asks; of ``moving`` ones those that change in that direction."""
        sign = 1 if self.job.spec["descending"] else -1
        own = self.values[self.member]
        apart = {g: v for g, v in self.values.items() if not math.isclose(v, own, rel_tol=ROUNDING, abs_tol=ROUNDING)}
        found = [g for g, v in apart.items() if sign * v > sign * own and (sign * v > 0 or not moving)]
        return sorted(found, key=lambda g: (-sign * self.values[g], g))

    def say(self, what: str, shown: Callable[[str, float], str], columns: list[str], *, moving: bool = False) -> None:
        """The finding: "2 of 3 other groups of region have a higher total revenue than North (2240): ...", or that none has it."""
        report, found = self.job.report, self.beyond(moving=moving)
        own = f"{report.value('set_against', safe(self.member))} ({shown('value_set_against', self.values[self.member])})"
        others = report.value("other_groups", len(self.values) - 1)
        each = [
            f"{report.value(f'beyond_{i + 1}_name', safe(g))} ({shown(f'beyond_{i + 1}', self.values[g])})"
            for i, g in enumerate(found[:NAMED])
        ]
        label = self.job.label(self.by)
        groups = f"other group{'s' * (len(self.values) != 2)} of {label}"
        text = f"none of {others} {groups} has {what} than {own}"
        if found:
            count = report.value("groups_beyond", len(found))
            text = f"{count} of {others} {groups} {'has' if len(found) == 1 else 'have'} {what} than {own}: "
            text += ", ".join(each) + (" and others, which stand in the table" if len(found) > NAMED else "")
        report.finding(f"{capital(text)}.", used=len(self.job.frame), dropped=0, columns=columns)
