"""The model loop, a stage at a time: plan, code, run (repair), verify, route, and at its end finalize.

One round: the Planner adds a step, the Coder extends the code, the sandbox runs it, the Debugger repairs it (at most three times), the
Verifier judges what was recorded, the Router adds a step or throws steps away. The best run so far is kept in every round; where no model
answers any more it is what is reported, unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from functions.ds_star.briefing import Briefing
from functions.ds_star.code_screen import SUSPICIOUS_CODE, Screening
from functions.ds_star.generated import run_generated
from functions.ds_star.loop_state import MAX_REPAIRS, Candidate, GeneratedRun, Loop, Stage
from functions.ds_star.requesting import requesting_unmet
from functions.ds_star.roles.coder import CODER, ask_coder
from functions.ds_star.roles.debugger import DEBUGGER, ask_debugger
from functions.ds_star.roles.finalizer import FINALIZER, ask_finalizer
from functions.ds_star.roles.planner import PLANNER, NoStep, ask_planner
from functions.ds_star.roles.router import ROUTER, ask_router, followed
from functions.ds_star.roles.verifier import VERIFIER, ask_verifier
from functions.ds_star.settling import safe_remark, settled
from functions.ds_star.state import DsStarState
from schemas.analysis import AnalysisAnswer, Round, Run
from schemas.evidence import PromptUse
from shared.documents import Json
from shared.errors import AnswerRejected, NoModelAnswer
from shared.models.asking import Models
from shared.models.flags import TIER_EXTRACTIVE, flags_of
from shared.models.prompts import Prompt
from shared.sandbox import CodeSandbox
from shared.tracks import Note, SliceContext

ANSWER_REJECTED = "answer_rejected"
"""The flag of a loop that ended since a model gave no answer that fits."""
NO_STEP = "no_step"
_PROMPTS: Mapping[Stage, Prompt] = {
    "plan": PLANNER.prompt,
    "code": CODER.prompt,
    "repair": DEBUGGER.prompt,
    "verify": VERIFIER.prompt,
    "route": ROUTER.prompt,
    "finalize": FINALIZER.prompt,
}


@dataclass(frozen=True)
class Turn:
    """The mission's state with the loop in it, and what happened on the way."""

    state: DsStarState
    loop: Loop
    notes: tuple[Note, ...] = ()

    def then(self, kind: str = "", detail: dict[str, Json] | None = None, **change: object) -> Turn:
        """The turn with the loop changed, and a note of it."""
        notes = (*self.notes, Note(kind, {"round": self.loop.round, **(detail or {})})) if kind else self.notes
        return replace(self, loop=self.loop.model_copy(update=change), notes=notes)

    def with_state(self, **change: object) -> Turn:
        """The turn with the mission's state changed."""
        return replace(self, state=self.state.model_copy(update=change))


class ModelLoop:
    """The loop in one slice: its models, its sandbox, and the mission that it works for."""

    def __init__(self, sandbox: CodeSandbox, context: SliceContext, models: Models, state: DsStarState) -> None:
        self._sandbox = sandbox
        self._context = context
        self._models = models
        self._briefing = Briefing.of(context.request, state.sub_questions, state.descriptions)
        self._max_rounds = context.request.tracks.ds_star.max_rounds

    def play(self, state: DsStarState) -> tuple[DsStarState, tuple[Note, ...]]:
        """On until the round is over, the checkpoint is due, or no model answers."""
        turn = Turn(state.model_copy(update={"tier": self._models.tier.value}), state.loop or Loop())
        began = turn.loop.round
        while True:
            stage = turn.loop.stage
            try:
                turn = self._stage(stage)(turn)
            except NoModelAnswer as error:
                flags = (ANSWER_REJECTED,) if isinstance(error, AnswerRejected) else flags_of(error)
                turn = without_model(self._context, turn, error.code, error.message, flags)
            if stage in _PROMPTS:
                turn = replace(turn, state=using(turn.state, _PROMPTS[stage]))
            done = turn.loop.stage in ("finalize", "settled") or turn.loop.round > began
            if done or self._context.time_left() <= 0:
                return turn.state.model_copy(update={"loop": turn.loop}), turn.notes

    def _stage(self, stage: Stage) -> Callable[[Turn], Turn]:
        stages: dict[Stage, Callable[[Turn], Turn]] = {
            "plan": self._plan,
            "code": self._code,
            "run": self._run,
            "repair": self._repair,
            "verify": self._verify,
            "route": self._route,
            "finalize": self._finalize,
        }
        return stages[stage]

    def _plan(self, turn: Turn) -> Turn:
        step = ask_planner(self._models, self._briefing, turn.loop)
        if isinstance(step, NoStep):
            return self._no_step(turn, step.why, step.needed)
        steps = (*turn.loop.steps, step)
        detail: dict[str, Json] = {"step": len(steps), "sub_questions": list(step.question_ids)}
        return turn.then("round.planned", detail, stage="code", steps=steps, repairs=0, run=None, run_id=None, candidate=None)

    def _no_step(self, turn: Turn, why: str, needed: str) -> Turn:
        """The planner knows no further step: what there is is worded; where there is nothing, its reason is the answer."""
        turn = turn.then("round.planned", {"step": None}, ended=NO_STEP)
        if turn.loop.best is not None:
            return _round_over(turn, "insufficient", NO_STEP, why).then(stage="finalize")
        note = f"Not answered: {safe_remark(why) or 'the data do not hold what it asks for.'}"
        open_questions = [q for q in turn.state.sub_questions if q.id not in {a.question_id for a in turn.state.answers}]
        answers = tuple(AnalysisAnswer(question_id=q.id, status="not_answered", note=note) for q in open_questions)
        state = turn.state
        for question in open_questions:
            state = requesting_unmet(state, question, safe_remark(why), safe_remark(needed))
        turn = _round_over(replace(turn, state=state), "refused", NO_STEP, why).with_state(answers=(*state.answers, *answers))
        return turn.then(stage="settled")

    def _code(self, turn: Turn) -> Turn:
        screening = Screening()
        code = ask_coder(self._models, self._briefing, turn.loop, self._read(turn.loop.base_code), screening)
        return _screened(turn, screening).then(stage="run", code=self._keep(code))

    def _run(self, turn: Turn) -> Turn:
        """Run the code in hand. What ended well goes to the verifier, anything else to the debugger until its repairs are used up."""
        loop = turn.loop
        number = len(turn.state.runs) + 1
        place = f"{loop.round:02}-{loop.repairs}"
        run = run_generated(self._sandbox, self._context, turn.state.files, self._read(loop.code), place=place, number=number)
        detail: dict[str, Json] = {"repairs": loop.repairs, "status": run.status, "values": len(run.values), "script": run.script}
        turn = turn.then("round.ran", detail, run=run, problem=run.problem)
        if run.problem and loop.repairs < MAX_REPAIRS:
            return turn.then(stage="repair")
        return _recorded(turn, run)

    def _repair(self, turn: Turn) -> Turn:
        screening = Screening()
        code = ask_debugger(self._models, self._briefing, turn.loop, self._read(turn.loop.code), screening)
        repairs = turn.loop.repairs + 1
        return _screened(turn, screening).then("round.repaired", {"repair": repairs}, stage="run", code=self._keep(code), repairs=repairs)

    def _verify(self, turn: Turn) -> Turn:
        candidate = turn.loop.candidate
        assert candidate is not None, "what is verified has been run"
        answer = ask_verifier(self._models, self._briefing, turn.loop, candidate.run, self._read(turn.loop.code))
        sufficient = answer.verdict == "sufficient"
        judged = candidate.model_copy(
            update={"judged": True, "sufficient": sufficient, "answered": answer.answered, "missing": answer.missing}
        )
        best = judged if judged.better_than(turn.loop.best) else turn.loop.best
        detail: dict[str, Json] = {"verdict": answer.verdict, "answered": list(answer.answered)}
        turn = turn.then("round.verified", detail, candidate=None, best=best, problem="" if sufficient else answer.missing)
        if sufficient:
            return _round_over(turn, "sufficient", "finalize").then(stage="finalize", ended="sufficient")
        return turn.then(stage="route")

    def _route(self, turn: Turn) -> Turn:
        loop = turn.loop
        failed = loop.run is not None and bool(loop.run.problem)
        verdict = "failed" if failed else "insufficient"
        if loop.round >= self._max_rounds:
            turn = _round_over(turn, verdict, "max_rounds", loop.problem).then(ended="max_rounds")
            return turn.then(stage="finalize") if turn.loop.best is not None else given_up(self._context, turn)
        cut, why_not = followed(ask_router(self._models, self._briefing, loop), loop)
        note = "; ".join(part for part in (loop.problem, why_not) if part)
        if cut is None:
            detail: dict[str, Json] = {"route": "add_step", **({"not_followed": why_not} if why_not else {})}
            return _round_over(turn.then("round.routed", detail), verdict, "add_step", note)
        turn = turn.then("round.routed", {"route": "truncate", "step": cut.step})
        turn = _round_over(turn, verdict, f"truncate_{cut.step}", note)
        kept, thrown = turn.loop.steps[: cut.step - 1], turn.loop.steps[cut.step - 1 :]
        abandoned = (*turn.loop.abandoned, *(step.text for step in thrown))
        return turn.then(steps=kept, abandoned=abandoned, truncations=(*turn.loop.truncations, cut))

    def _finalize(self, turn: Turn) -> Turn:
        best = turn.loop.best
        assert best is not None, "what is worded has been run"
        worded = ask_finalizer(self._models, self._briefing, best)
        state = settled(turn.state, best, worded, code_of(self._context, best), self._models.tier.value)
        found = len(state.findings) - len(turn.state.findings)
        detail: dict[str, Json] = {"round": best.round, "because": turn.loop.ended, "findings": found, "dropped": state.dropped}
        return replace(turn, state=state).then("analysis.worded", detail, stage="settled")

    def _keep(self, code: str) -> str:
        return self._context.put_artifact("generated.py", code.encode(), media_type="text/x-python").uri

    def _read(self, uri: str) -> str:
        return self._context.artifacts.get(uri).decode() if uri else ""


def code_of(context: SliceContext, best: Candidate) -> str:
    """The generated code of a run that ended well."""
    return context.artifacts.get(best.steps[-1].code).decode()


def without_model(context: SliceContext, turn: Turn, code: str, why: str, flags: tuple[str, ...]) -> Turn:
    """No model answers: the best run so far is reported in plain lines, unverified unless it was verified before.

    What no value was recorded for is left to the extractive roles. An answer that does not fit ends the rounds, but the Finalizer may
    still give one that does.
    """
    loop = turn.loop
    turn = turn.then("model.gone", {"stage": loop.stage, "because": code})
    turn = turn.with_state(flags=tuple(dict.fromkeys((*turn.state.flags, *flags))))
    if loop.stage == "finalize":
        return given_up(context, turn)
    candidate = loop.candidate
    if candidate is not None and candidate.better_than(loop.best):
        turn = turn.then(best=candidate)
    turn = _round_over(turn, _verdict_without_model(loop), "no_model", why).then(ended=code, candidate=None)
    if code == AnswerRejected.code and turn.loop.best is not None:
        return turn.then(stage="finalize")
    return given_up(context, turn)


def _verdict_without_model(loop: Loop) -> str:
    """What is known of the round's run: a verifier that did not answer has found nothing insufficient."""
    if loop.run is not None and loop.run.problem:
        return "failed"
    return "insufficient" if loop.stage == "route" else "unchecked"


def given_up(context: SliceContext, turn: Turn) -> Turn:
    """The loop is over without the Finalizer's wording, and the mission says that code had to end it."""
    turn = turn.with_state(flags=tuple(dict.fromkeys((*turn.state.flags, TIER_EXTRACTIVE))))
    return reported(context, turn)


def reported(context: SliceContext, turn: Turn) -> Turn:
    """The best run so far in plain lines, and nothing where there is none."""
    best = turn.loop.best
    if turn.loop.candidate is not None and turn.loop.candidate.better_than(best):
        best = turn.loop.candidate
    if best is None:
        return turn.with_state(tier="extractive").then(stage="settled")
    return replace(turn, state=settled(turn.state, best, None, code_of(context, best), "extractive")).then(stage="settled")


def _screened(turn: Turn, screening: Screening) -> Turn:
    """The turn, which says where a model insists on code that the sandbox will not let do what it wants."""
    if not screening.left:
        return turn
    flags = tuple(dict.fromkeys((*turn.state.flags, SUSPICIOUS_CODE)))
    return turn.with_state(flags=flags).then("code.screened", {"reasons": len(screening.left), "first": screening.left[0][:120]})


def _recorded(turn: Turn, run: GeneratedRun) -> Turn:
    """The round's last run in the books: a candidate for the report, or a failure for the router."""
    loop, state = turn.loop, turn.state
    run_id = f"r{len(state.runs) + 1}"
    entry = Run(
        id=run_id,
        script=run.script_name,
        script_sha256=run.code_sha256,
        parameters_sha256=_NO_PARAMETERS,
        status=run.status,
        warnings=run.warnings,
    )
    turn = turn.with_state(runs=(*state.runs, entry)).then(run_id=run_id)
    if run.problem:
        return turn.then(stage="route")
    steps = (*loop.steps[:-1], loop.steps[-1].model_copy(update={"code": loop.code}))
    before = loop.best.question_of if loop.best is not None else {}
    mine = loop.steps[-1].question_ids[0]
    question_of = {v.name: before.get(v.name, mine) for v in run.values}
    candidate = Candidate(round=loop.round, run_id=run_id, run=run, steps=steps, question_of=question_of)
    return turn.then(stage="verify", steps=steps, candidate=candidate)


def _round_over(turn: Turn, verdict: str, route: str, note: str = "") -> Turn:
    """The round's entry, and the next round's number."""
    loop = turn.loop
    entry = Round.model_validate(
        {
            "number": len(turn.state.rounds) + 1,
            "plan": tuple(step.text for step in loop.steps),
            "run": loop.run_id,
            "verdict": verdict,
            "route": route,
            "note": note[:900],
            "repairs": loop.repairs,
            "tier": turn.state.tier,
        }
    )
    detail: dict[str, Json] = {"verdict": verdict, "route": route}
    turn = turn.then("round.finished", detail).with_state(rounds=(*turn.state.rounds, entry))
    return turn.then(stage="plan", round=loop.round + 1)


def using(state: DsStarState, prompt: Prompt) -> DsStarState:
    """The state with the prompt among those that were used."""
    used = PromptUse(id=prompt.front.id, version=prompt.front.version, sha256=prompt.sha256)
    return state if used in state.prompts else state.model_copy(update={"prompts": (*state.prompts, used)})


_NO_PARAMETERS = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
"""The digest of ``{}``: generated code takes none."""
