"""Links to objects that a browser can open for a while, signed by the account that the process runs as."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from shared.adapters.cloud_storage_bucket import CloudBucket
from shared.artifacts import Artifact
from shared.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from google.auth.transport import Request

MAX_SECONDS = 7 * 24 * 3600
"""Cloud Storage's limit for a V4 signature (cloud.google.com/storage/docs/access-control/signed-urls)."""
_SHOWN = frozenset(
    {
        "text/plain", "text/csv", "text/markdown", "application/json", "application/pdf",
        "image/png", "image/jpeg", "image/gif", "image/webp",
    }
)  # fmt: skip
"""What a browser may show: none of it runs. All else, such as HTML and SVG, is handed over as a file, so that no script of a report or of
an upload runs in the origin that all buckets share."""


def is_shown(media_type: str) -> bool:
    """Whether a browser shows it, instead of saving it as a file."""
    return media_type.partition(";")[0].strip().lower() in _SHOWN


def disposition(artifact: Artifact) -> str:
    """The Content-Disposition of the artifact's bytes (RFC 6266)."""
    name = quote(artifact.key.rpartition("/")[2], safe="")
    return f"{'inline' if is_shown(artifact.media_type) else 'attachment'}; filename*=UTF-8''{name}"


def signed_link(bucket: CloudBucket, artifact: Artifact, generation: int, *, seconds: int, request: Request | None = None) -> str:
    """An address of exactly this generation, good for so many seconds. ``request`` sends to Google's identity services.

    Raises ``BadInput`` for more than seven days, and ``Unavailable`` where nothing can sign.
    """
    if not 0 < seconds <= MAX_SECONDS:
        raise BadInput(f"A link cannot last for {seconds} s.", remedy=f"Ask for 1 to {MAX_SECONDS} s (seven days).")
    from google.auth.exceptions import GoogleAuthError

    from shared.adapters.cloud_storage_signing import Unsigned, signing

    try:
        link = bucket.handle.blob(artifact.key).generate_signed_url(
            version="v4",
            method="GET",
            expiration=timedelta(seconds=seconds),
            api_access_endpoint=bucket.endpoint,
            generation=generation,
            response_disposition=disposition(artifact),
            response_type=artifact.media_type if is_shown(artifact.media_type) else "application/octet-stream",
            credentials=Unsigned() if bucket.is_emulated else signing(bucket.credentials, request),
        )
    except GoogleAuthError as error:
        raise Unavailable(
            f"{bucket.account} cannot sign a link to {bucket} ({type(error).__name__}).",
            remedy="Enable iamcredentials.googleapis.com and grant that account roles/iam.serviceAccountTokenCreator on itself.",
        ) from error
    return str(link)
