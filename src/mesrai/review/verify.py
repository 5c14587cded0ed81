"""The second look: only what it confirms is published."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mesrai.domain.review import Dropped
from mesrai.llm.model import Model, Prompt
from mesrai.review.answers import Verdict, read_verdicts
from mesrai.review.candidates import Candidate, dropped_from
from mesrai.review.conversation import Ledger, converse
from mesrai.review.tools import Toolbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What the second look left."""

    confirmed: tuple[Candidate, ...]
    refuted: tuple[Dropped, ...]


async def verify_findings(
    model: Model, prompt: Prompt, candidates: Sequence[Candidate], *, toolbox: Toolbox, steps: int, ledger: Ledger
) -> Verified:
    """Ask for a verdict on each candidate of one batch. Errors: ModelError, and then none of them is confirmed."""
    reply = await converse(
        model,
        prompt,
        toolbox=toolbox,
        steps=steps,
        read=lambda text: read_verdicts(text, len(candidates)),
        ledger=ledger,
    )
    confirmed: list[Candidate] = []
    refuted: list[Dropped] = []
    for candidate, verdict in zip(candidates, reply.value, strict=True):
        if verdict.is_confirmed:
            confirmed.append(_with_verdict(candidate, verdict))
        else:
            refuted.append(dropped_from(candidate.raw, candidate.source, f"refuted: {verdict.evidence[:600]}"))
    return Verified(confirmed=tuple(confirmed), refuted=tuple(refuted))


def _with_verdict(candidate: Candidate, verdict: Verdict) -> Candidate:
    """The candidate with the second look's severity and confidence, and both traces as evidence."""
    raw = candidate.raw
    evidence = "\n\n".join(part for part in (raw.evidence.strip(), f"Checked: {verdict.evidence.strip()}") if part)
    return replace(
        candidate,
        raw=replace(
            raw,
            severity=verdict.severity or raw.severity,
            confidence=min(raw.confidence, verdict.confidence),
            evidence=evidence,
            replacement=None if verdict.is_fix_wrong else raw.replacement,
        ),
    )
