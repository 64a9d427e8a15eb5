"""The plain sentences for what the packages hold as codes: how a track ended, flags, statuses. None of them states a number."""

from __future__ import annotations

from functions.fusion.handoffs import Handoffs
from schemas.evidence import AnswerStatus, Support
from schemas.fusion import FusionInputPackage, TrackHandoff
from schemas.mission import TrackStatus
from schemas.outcome import HandedOver

RESEARCH, ANALYSIS = "research", "data analysis"

STATUS_WORDS: dict[AnswerStatus, str] = {
    "answered": "Answered",
    "partial": "Answered in part",
    "not_answered": "Not answered",
    "not_understood": "Not understood",
}
SUPPORT_WORDS: dict[Support, str] = {
    "verbatim": "stands word for word in the document",
    "entailed": "follows from the source",
    "unchecked": "not verified",
    "contradicted": "contradicted by its source",
}
FLAG_SENTENCES = {
    "partial": "This report is partial.",
    "research_missing": "No document research went into this report.",
    "research_failed": "The document research failed.",
    "analysis_missing": "No data analysis went into this report.",
    "analysis_failed": "The data analysis failed.",
    "research_running": "The document research was still running.",
    "analysis_running": "The data analysis was still running.",
    "cancelled": "The mission was cancelled; the report holds what there was.",
    "numbers_withheld": "Numbers without a recorded source were left out.",
    "quotes_unverified": "Some quotes could not be found again in their stored documents and were left out.",
    "instruction_like": "Some passages read like instructions to the reader; they were treated as text.",
    "question_instruction_like": "The question, or what was said with it, reads like instructions to the program; it was treated as text.",
    "instructions": "Some passages read like instructions to the reader; they were treated as text.",
    "remote_research_failed": "The remote research agent that was asked for brought no report.",
    "remote_research_partial": "The remote research agent did not finish; its report holds what it had.",
    "web_search_failed": "The web could not be searched, or not to the end.",
    "provider_report": "Some passages were reported by a provider and are not verified.",
    "fusion_budget_refused": "There was no money left to word the answer with a model; its sentences stand as the tracks found them.",
    "fusion_day_budget_refused": "The day's cap left no money to word the answer with a model; its sentences stand as tracks found them.",
    "fusion_circuit_open": "The model had failed too often to be asked again; the sentences stand as the tracks found them.",
    "fusion_model_unavailable": "No model could be asked to word the answer; its sentences stand as the tracks found them.",
    "fusion_out_of_time": "There was no time left to word the answer with a model; its sentences stand as the tracks found them.",
    "fusion_told_to_stop": "The mission was told to stop before a model worded the answer; its sentences stand as the tracks found them.",
    "fusion_answer_rejected": "What a model worded did not hold, and was left out.",
    "tier_downgraded": "Some of the work was done by a smaller model than was asked for.",
    "tier_extractive": "Some of the work was done without a language model, although one was asked for.",
    "budget_exhausted": "Calls to a model that could have passed the budget were not made.",
    "day_budget_exhausted": "Calls to a model that could have passed the day's cap, which all missions share, were not made.",
    "model_unavailable": "A language model could not be reached, or refused.",
    "out_of_time": "A model was not asked, or its answer not waited for, since the mission's time was up.",
    "request_withheld": "A request to a model was not sent, since it held a key of this installation or was too large.",
    "budget_overrun": "A call to a model cost more than its bound; no more calls were made after it.",
    "scripted": "The answers of the models came from a hand-written script.",
    "replayed": "The answers of the models came from a recording.",
    "answer_rejected": "A model gave answers that did not fit what it was asked, and was asked no further.",
    "code_suspicious": "Generated code tried what the sandbox denies; it was run there, where nothing of it came through.",
    "analysis_unverified": "The data analysis did not pass the verifier; its figures are not verified.",
}


TOLD_BY_NOTICES = frozenset(
    {"partial", *(f"{track}_{state}" for track in ("research", "analysis") for state in ("running", "failed", "missing"))}
)
"""Flags that a notice already tells in more detail."""

DERIVED = TOLD_BY_NOTICES | {"numbers_withheld", "quotes_unverified"}
"""Flags that each version finds out anew: what an earlier version said of itself is not carried on."""


def flag_sentence(flag: str) -> str:
    """What a flag means, for a reader; a flag that is not known is shown in its own words."""
    words = flag.replace("_", " ").replace("-", " ").replace(":", ": ").strip()
    return FLAG_SENTENCES.get(flag) or f"{words[:1].upper()}{words[1:]}."


def track_notice(name: str, handoff: TrackHandoff, *, present: bool, other: bool, mode: str) -> str | None:
    """What a reader has to know about a track that did not end well; ``None`` where there is nothing to say.

    ``present``: it handed something over; ``other``: the other one did.
    """
    why = (handoff.missing_because or "").strip().rstrip(".")
    because = f": {why}" if why else ""
    if not handoff.status.final:
        because = "" if "still running" in why else because
        holds = "what it had found so far" if present else "nothing of it yet"
        if handoff.status is TrackStatus.DELAYED:
            return f"The {name} had not ended by the hard deadline. The report holds {holds}, and is upgraded if more comes in time."
        replaced = " This report will be replaced when it has ended." if mode == "partial" else ""
        return f"The {name} is still running{because}. The report holds {holds}.{replaced}"
    alone = " The report rests on the other part alone." if other else ""
    kept = " What it had found until then is part of the report." if present else alone
    if handoff.status is TrackStatus.FAILED:
        return f"The {name} failed{because}.{kept}"
    if handoff.status is TrackStatus.CANCELLED:
        return f"The {name} was cancelled{because}.{kept}"
    if handoff.status is TrackStatus.SKIPPED and why:
        return f"The {name} was not run{because}."
    if not present and handoff.status is not TrackStatus.SKIPPED:
        return f"The {name} left no result{because}.{kept}"
    return None


def handed_over_words(handed: HandedOver) -> str:
    """Why a section is there, or who else wanted to know: for the findings of a report."""
    if handed.by == "documents":
        return (
            f"Suggested by the documents ({handed.source}): {handed.text}"
            if handed.source
            else f"Suggested by the documents: {handed.text}"
        )
    because = f" ({handed.because})" if handed.because else ""
    return f"Asked for by the analysis: {handed.text}{because}"


def still_open(handed: Handoffs) -> tuple[str, ...]:
    """What was handed over and not followed up, each with why."""
    return tuple(f"Open. {_sentence(handed_over_words(one))} {one.note}" for one in handed.all if one.status == "open")


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def notices(package: FusionInputPackage) -> tuple[str, ...]:
    """What comes before anything else: a partial report, tracks that are missing and why."""
    research, analysis = package.research is not None, package.analysis is not None
    tracks = (
        track_notice(RESEARCH, package.research_handoff, present=research, other=analysis, mode=package.mode),
        track_notice(ANALYSIS, package.analysis_handoff, present=analysis, other=research, mode=package.mode),
    )
    return tuple(n for n in tracks if n)
