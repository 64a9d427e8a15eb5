"""What a mission took of Google Cloud, counted from its spans: workflow steps, reads and writes of the database, invocations, seconds.

The figures to keep are those of docs/cost.md; the prices are list prices for us-central1, each with where and when it was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from functions.manifest import MANIFEST, row
from shared.missions.records import JOURNAL
from shared.telemetry import names
from shared.telemetry.reading import SpanRecord

MOST_STEPS = 110
MOST_ORCHESTRATION_WRITES = 40
MOST_WRITES_OF_A_CALL = 4
MOST_COMMITS_OF_A_CALL = 2
_FUNCTIONS = frozenset(function.name for function in MANIFEST)


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for ``per`` of something. ``source`` says where that was read."""

    usd: Decimal
    per: int
    source: str

    def of(self, amount: Decimal | int) -> Decimal:
        """What ``amount`` costs."""
        return self.usd * Decimal(amount) / self.per


STEP = Price(Decimal("0.01"), 1_000, "assumed: the stored copies of cloud.google.com/workflows/pricing lack the table")
READ = Price(Decimal("0.03"), 100_000, "airbyte.com/data-engineering-resources/google-firestore-pricing (US regions)")
WRITE = Price(Decimal("0.09"), 100_000, "airbyte.com/data-engineering-resources/google-firestore-pricing (US regions)")
INVOCATION = Price(Decimal("0.40"), 1_000_000, "cloud.google.com/run/pricing and cloudwebschool.com (tier 1, request-based)")
VCPU_S = Price(Decimal("0.000024"), 1, "cloud.google.com/run/pricing (tier 1, request-based)")
GIB_S = Price(Decimal("0.0000025"), 1, "cloud.google.com/run/pricing and cloudwebschool.com (tier 1, request-based)")


@dataclass(frozen=True, slots=True)
class MissionBill:
    """The counts. ``seconds`` are those that each function worked on the mission, waiting for models and the sandbox included."""

    steps: int
    reads: int
    orchestration_writes: int
    orchestration_commits: int
    call_writes: int
    call_commits: int
    calls: int
    invocations: Counter[str]
    seconds: Counter[str]
    slices: Counter[str]

    @property
    def compute_usd(self) -> Decimal:
        """One vCPU and the manifest's memory for each second of each function: an upper bound, since calls share an instance."""
        total = Decimal(0)
        for function, seconds in self.seconds.items():
            total += VCPU_S.of(Decimal(str(seconds))) + GIB_S.of(Decimal(str(seconds)) * row(function).memory_mb / 1024)
        return total

    @property
    def usd(self) -> Decimal:
        """All of it, models apart."""
        writes = self.orchestration_writes + self.call_writes
        return STEP.of(self.steps) + READ.of(self.reads) + WRITE.of(writes) + INVOCATION.of(self.invocations.total()) + self.compute_usd

    @property
    def exceeded(self) -> list[str]:
        """The limits that are not kept."""
        found: list[str] = []
        if self.steps > MOST_STEPS:
            found.append(f"{self.steps} workflow steps, at most {MOST_STEPS}")
        if self.orchestration_writes > MOST_ORCHESTRATION_WRITES:
            found.append(f"{self.orchestration_writes} orchestration writes, at most {MOST_ORCHESTRATION_WRITES}")
        if self.call_writes > MOST_WRITES_OF_A_CALL * self.calls:
            found.append(f"{self.call_writes} writes of {self.calls} paid calls, at most {MOST_WRITES_OF_A_CALL} each")
        if self.call_commits > MOST_COMMITS_OF_A_CALL * self.calls:
            found.append(f"{self.call_commits} commits of {self.calls} paid calls, at most {MOST_COMMITS_OF_A_CALL} each")
        return found


def bill(spans: Sequence[SpanRecord]) -> MissionBill:
    """The bill of the mission that ``spans`` are of. A write is a paid call's where its commit touches the journal."""
    by_call: list[int] = []
    others: list[int] = []
    for span in spans:
        for commit in str(span.attributes.get(names.STORE_COMMITS, "")).split(names.COMMIT_BREAK.strip()):
            if written := commit.split():
                (by_call if JOURNAL in written else others).append(len(written))
    served = [(name, span) for span in spans if (name := _function(span))]
    seconds: Counter[str] = Counter()
    for name, span in served:
        seconds[name] += span.duration_s  # type: ignore[assignment] # a Counter counts fractions, too
    return MissionBill(
        steps=sum(int(span.attributes.get(names.STEPS, 0)) for span in spans),
        reads=sum(int(span.attributes.get(names.STORE_READS, 0)) for span in spans),
        orchestration_writes=sum(others),
        orchestration_commits=len(others),
        call_writes=sum(by_call),
        call_commits=len(by_call),
        calls=sum(span.name.startswith("model.") for span in spans),
        invocations=Counter(name for name, _ in served),
        seconds=seconds,
        slices=Counter(span.name.removesuffix(".slice") for span in spans if span.name.endswith(".slice")),
    )


def _function(span: SpanRecord) -> str | None:
    """The function that the span is a call of; ``None`` for what is none, and for a person who looks at the mission.

    The sandbox service writes no spans: its caller's are counted.
    """
    if span.name == "sandbox.run":
        return "sandbox"
    name, _, path = span.name.partition(" ")
    looked_at = name == "missions" and path.startswith("/missions/")
    return name if name in _FUNCTIONS and path.startswith("/") and not looked_at else None
