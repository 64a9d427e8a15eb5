"""Where the parts are declared: the stack's settings and table of functions, and the names and addresses that follow from them."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from functions.manifest import FunctionRow
from infra.pulumi.configuration import StackSettings
from shared.callers import Part as Caller


@dataclass(frozen=True, slots=True)
class Place:
    """What every part is given."""

    settings: StackSettings
    project_number: str
    manifest: tuple[FunctionRow, ...]

    def name(self, what: str) -> str:
        """The name of one of our things in the project."""
        return f"{self.settings.prefix}-{what}"

    def bucket(self, what: str) -> str:
        """A bucket's name, which has to be the only one in the world."""
        return f"{self.settings.project}-{self.settings.prefix}-{what}"

    def service(self, row: FunctionRow) -> str:
        """The name of a function's Cloud Run service."""
        return self.name(row.service)

    def account(self, what: str) -> str:
        """The address of one of our service accounts."""
        return f"{self.name(what)}@{self.settings.project}.iam.gserviceaccount.com"

    def host(self, row: FunctionRow) -> str:
        """The host of a function, known before it exists (cloud.google.com/run/docs/triggering/https-request, "Deterministic URL").

        The ``run.app`` address: internal ingress admits the workflow, the queue, the scheduler and Eventarc by this one only.
        """
        return f"{self.service(row)}-{self.project_number}.{self.settings.region}.run.app"

    def url(self, row: FunctionRow) -> str:
        """The root of a function: its address, and the audience of every token it is called with."""
        return f"https://{self.host(row)}"

    @property
    def functions(self) -> tuple[FunctionRow, ...]:
        """What is deployed from a source archive."""
        return tuple(row for row in self.manifest if not row.is_container)

    @property
    def containers(self) -> tuple[FunctionRow, ...]:
        """What is deployed as an image of its own."""
        return tuple(row for row in self.manifest if row.is_container)

    def called_by(self, caller: Caller) -> tuple[FunctionRow, ...]:
        """The functions that ``caller`` may call."""
        return tuple(row for row in self.functions if caller in row.callers)

    def row(self, name: str) -> FunctionRow:
        """The row called ``name``; the program's own table is asked, not the platform's."""
        return next(row for row in self.manifest if row.name == name)


class Part(pulumi.ComponentResource):
    """One part of the cloud, shown as a branch of its own by ``pulumi preview``."""

    def __init__(self, kind: str, place: Place, after: list[pulumi.Resource] | None = None) -> None:
        super().__init__(f"kimera:cloud:{kind}", place.name(kind))
        self.place = place
        self._after = after or []

    @property
    def inside(self) -> pulumi.ResourceOptions:
        """For what belongs to this part."""
        return pulumi.ResourceOptions(parent=self, depends_on=self._after)

    @property
    def kept(self) -> pulumi.ResourceOptions:
        """The same, for what holds state: Pulumi refuses to delete it while the stack is protected."""
        return pulumi.ResourceOptions(parent=self, depends_on=self._after, protect=self.place.settings.protect)

    @property
    def deletion_policy(self) -> str:
        """What the provider itself does when it is told to delete what holds state."""
        return "PREVENT" if self.place.settings.protect else "DELETE"
