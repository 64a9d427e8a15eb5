"""The buckets: artifacts, the inbox and its outbox, audit anchors under a retention, and the sources of functions."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.pulumi.place import Part, Place

_DAY_S = 24 * 60 * 60
_OLD_VERSION_DAYS = 30
"""How long a version that was replaced or deleted stays: the time to notice a mistake."""


class Storage(Part):
    """Every bucket: in the stack's region (Eventarc's trigger has to be in the inbox's), never public, access by IAM alone."""

    def __init__(self, place: Place, after: list[pulumi.Resource]) -> None:
        super().__init__("storage", place, after)
        settings = place.settings
        self.artifacts = self._bucket("artifacts", versioning={"enabled": True}, lifecycle_rules=_forget_old_versions())
        self.inbox = self._bucket("inbox", versioning={"enabled": True}, lifecycle_rules=_forget_old_versions())
        self.outbox = self._bucket("outbox", versioning={"enabled": True}, lifecycle_rules=_forget_old_versions())
        # No versioning: a bucket with a retention cannot have it, and needs none.
        self.audit = self._bucket(
            "audit",
            retention_policy=gcp.storage.BucketRetentionPolicyArgs(
                retention_period=str(settings.audit_retention_days * _DAY_S), is_locked=settings.lock_audit
            ),
        )
        # What can be built again: an archive is named by its content, and the functions keep a copy of what they were built from.
        self.sources = self._bucket("sources", keeps_state=False, lifecycle_rules=[_deletion(age=365)])
        self.register_outputs({})

    def named(self, what: str) -> gcp.storage.Bucket:
        """The bucket that the others call by its short name."""
        buckets = {"artifacts": self.artifacts, "inbox": self.inbox, "outbox": self.outbox, "audit": self.audit}
        return buckets[what]

    def _bucket(self, what: str, *, keeps_state: bool = True, **more: object) -> gcp.storage.Bucket:
        place = self.place
        return gcp.storage.Bucket(
            f"bucket-{what}",
            name=place.bucket(what),
            project=place.settings.project,
            location=place.settings.region.upper(),
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            force_destroy=not keeps_state,
            deletion_policy=self.deletion_policy if keeps_state else "DELETE",
            opts=self.kept if keeps_state else self.inside,
            **more,
        )


def _forget_old_versions() -> list[gcp.storage.BucketLifecycleRuleArgs]:
    return [_deletion(days_since_noncurrent_time=_OLD_VERSION_DAYS), _abandon_unfinished_uploads()]


def _deletion(**condition: int) -> gcp.storage.BucketLifecycleRuleArgs:
    return gcp.storage.BucketLifecycleRuleArgs(
        action=gcp.storage.BucketLifecycleRuleActionArgs(type="Delete"),
        condition=gcp.storage.BucketLifecycleRuleConditionArgs(**condition),
    )


def _abandon_unfinished_uploads() -> gcp.storage.BucketLifecycleRuleArgs:
    return gcp.storage.BucketLifecycleRuleArgs(
        action=gcp.storage.BucketLifecycleRuleActionArgs(type="AbortIncompleteMultipartUpload"),
        condition=gcp.storage.BucketLifecycleRuleConditionArgs(age=7),
    )
