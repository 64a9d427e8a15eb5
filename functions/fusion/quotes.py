"""The last look at every quote: it stands at its offsets in the stored text of its source, or it is not shown (invariant 5)."""

from __future__ import annotations

import hashlib

from functions.fusion.statements import QUOTE_NOT_FOUND
from schemas.evidence import Claim, Evidence, ResearchEvidencePackage
from shared.artifacts import ArtifactStore
from shared.errors import BadInput, Corrupt, NotFound


def check_quotes(research: ResearchEvidencePackage, artifacts: ArtifactStore) -> ResearchEvidencePackage:
    """The package with evidence flagged whose quote is not there, and claims ``unchecked`` that rest on such evidence alone.

    ``Unavailable`` is passed on: a store that is down is no reason to call a quote wrong.
    """
    texts = {s.id: _text(s.text_uri, s.text_sha256, artifacts) for s in research.sources}
    evidence = tuple(_checked(e, texts[e.source_id]) for e in research.evidence)
    if evidence == research.evidence:
        return research
    good = {e.id for e in evidence if QUOTE_NOT_FOUND not in e.flags}
    claims = tuple(_rechecked(c, good) for c in research.claims)
    return research.model_copy(update={"evidence": evidence, "claims": claims})


def _text(uri: str, sha256: str, artifacts: ArtifactStore) -> str | None:
    try:
        data = artifacts.get(uri)
    except (NotFound, BadInput, Corrupt):
        return None
    return data.decode("utf-8", errors="replace") if hashlib.sha256(data).hexdigest() == sha256 else None


def _checked(evidence: Evidence, text: str | None) -> Evidence:
    if text is not None and text[evidence.start : evidence.end] == evidence.quote:
        return evidence
    return evidence.model_copy(update={"flags": (*evidence.flags, QUOTE_NOT_FOUND)})


def _rechecked(claim: Claim, good: set[str]) -> Claim:
    """A failed check leaves ``unchecked``, never a verdict."""
    if good.issuperset(claim.evidence_ids) or claim.support == "unchecked":
        return claim
    return claim.model_copy(update={"support": "unchecked"})
