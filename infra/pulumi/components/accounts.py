"""The identities: one service account for each function, and one for each caller of functions. There are no keys."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from functions.manifest import FunctionRow, Trigger
from infra.pulumi.place import Part, Place
from shared.callers import Part as Caller

_CALLERS = {
    Caller.WORKFLOW: "Runs the mission workflow and calls the functions it asks",
    Caller.QUEUE: "Calls the target of the dispatch queue",
    Caller.SCHEDULER: "Calls what runs every minute and every hour",
    Caller.EVENTS: "Delivers the inbox bucket's events",
    Caller.DEAD_LETTERS: "Delivers what could not be delivered",
}


class Accounts(Part):
    """Accounts by function and by caller. A caller that no function admits has none."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("accounts", place, after)
        self._of_function = {row.name: self._account(row.service, f"The function {row.name}: {row.job}"[:250]) for row in place.manifest}
        self._of_caller = {caller: self._account(_by(caller), why) for caller, why in _CALLERS.items() if place.called_by(caller)}
        self.builder = self._account("builder", "Builds the functions from their archives")
        self.register_outputs({})

    def of(self, row: FunctionRow) -> gcp.serviceaccount.Account:
        """The function's own account."""
        return self._of_function[row.name]

    def of_caller(self, caller: Caller) -> gcp.serviceaccount.Account:
        """The account that ``caller`` calls with."""
        return self._of_caller[caller]

    def callers_of(self, row: FunctionRow, manifest: tuple[FunctionRow, ...]) -> dict[str, gcp.serviceaccount.Account]:
        """All accounts that may call the function, by a short name."""
        if row.is_container:
            return {other.service: self.of(other) for other in manifest if row.name in {str(role) for role in other.roles}}
        return {_by(caller): self._of_caller[caller] for caller in sorted(row.callers)} if row.trigger is not Trigger.PUBLIC else {}

    def all(self) -> list[gcp.serviceaccount.Account]:
        """Every account."""
        return [*self._of_function.values(), *self._of_caller.values(), self.builder]

    def _account(self, what: str, why: str) -> gcp.serviceaccount.Account:
        return gcp.serviceaccount.Account(
            f"account-{what}",
            project=self.place.settings.project,
            account_id=self.place.name(what),
            display_name=self.place.name(what),
            description=why,
            opts=self.inside,
        )


def _by(caller: Caller) -> str:
    return f"by-{caller.replace('_', '-')}"


def member(account: gcp.serviceaccount.Account) -> pulumi.Output[str]:
    """The account as a member of a policy."""
    return pulumi.Output.concat("serviceAccount:", account.email)
