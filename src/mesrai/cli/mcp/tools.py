"""The tools an agent is offered: name, what each is for, and the JSON Schema of its arguments."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

_TEXT: Final = {"type": "string", "maxLength": 1_000}
_SELECTION: Final[Mapping[str, Any]] = {
    "what": {
        "type": "string",
        "enum": ["working_tree", "staged", "commit", "branch", "range"],
        "description": "Which change. working_tree (the default): all that is not committed, against HEAD. staged: "
        "the index against HEAD. commit, branch and range take their name from revision.",
    },
    "revision": {
        **_TEXT,
        "description": "For commit: a commit. For branch: the branch that the work left. For range: A..B or A...B.",
    },
    "paths": {
        "type": "array",
        "items": _TEXT,
        "maxItems": 500,
        "description": "Only these files or folders, relative to the folder the server runs in.",
    },
    "depth": {"type": "string", "enum": ["fast", "normal", "deep"], "description": "How thorough. Default: normal."},
    "rules_only": {"type": "boolean", "description": "Check the rules of the repository's owners and nothing else."},
    "context": {
        "type": "string",
        "maxLength": 20_000,
        "description": "What the change is for: requirements, a ticket. The reviewer takes it into account.",
    },
}
_REVIEW: Final = {**_TEXT, "description": "The id that review_change gave. Default: the latest review."}
_FINDINGS: Final = {
    "type": "array",
    "items": _TEXT,
    "minItems": 1,
    "maxItems": 200,
    "description": "Ids of findings, as review_change and list_findings tell them.",
}
_FINDING: Final = {**_TEXT, "description": "The id of a finding, as review_change and list_findings tell it."}


def _schema(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    listed = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(properties), **listed, "additionalProperties": False}


def _tool(name: str, title: str, description: str, schema: dict[str, Any], **hints: bool) -> dict[str, Any]:
    # https://modelcontextprotocol.io/specification/2025-06-18/schema#toolannotations
    annotations = {f"{word}Hint": value for word, value in hints.items()}
    return {
        "name": name,
        "title": title,
        "description": description,
        "inputSchema": schema,
        "annotations": {"title": title, **annotations},
    }


REVIEW_CHANGE: Final = "review_change"
LIST_FINDINGS: Final = "list_findings"
EXPLAIN_FINDING: Final = "explain_finding"
APPLY_SUGGESTION: Final = "apply_suggestion"
GET_POLICY: Final = "get_policy"
ESTIMATE: Final = "estimate"

TOOLS: Final[Sequence[Mapping[str, Any]]] = (
    _tool(
        REVIEW_CHANGE,
        "Review a change",
        "Review a change of the repository with the model its owner connected, and static analysers. Takes from "
        "seconds to minutes and costs money at the model's provider; estimate says how much. Findings are claims to "
        "check, not orders. Only the outcome “reviewed” speaks of the whole change.",
        _schema(
            {
                **_SELECTION,
                "offline": {"type": "boolean", "description": "Static analysers only: no model, no cost, no network."},
                "budget": {"type": "string", "maxLength": 20, "description": "The most it may cost, such as 0.50."},
            }
        ),
        readOnly=True,
        openWorld=True,
    ),
    _tool(
        LIST_FINDINGS,
        "List findings",
        "The findings of a review of this session, one a line: id, severity, place, title, and whether there is a "
        "suggestion.",
        _schema(
            {
                "review": _REVIEW,
                "severity": {
                    "type": "string",
                    "enum": ["critical", "high", "medium", "low"],
                    "description": "Only what is at least so bad.",
                },
                "path": {**_TEXT, "description": "Only those in this file or folder."},
            }
        ),
        readOnly=True,
        openWorld=False,
    ),
    _tool(
        EXPLAIN_FINDING,
        "Explain a finding",
        "All that is known of one finding: the problem, why it is believed, the code, and the suggestion as a diff.",
        _schema({"finding": _FINDING, "review": _REVIEW}, "finding"),
        readOnly=True,
        openWorld=False,
    ),
    _tool(
        APPLY_SUGGESTION,
        "Apply suggestions",
        "Put the suggested code of findings into the files. A file that changed since it was reviewed is left alone, "
        "so apply all suggestions for one file at once, and review again afterwards.",
        _schema({"findings": _FINDINGS, "review": _REVIEW}, "findings"),
        readOnly=False,
        destructive=True,
        idempotent=False,
        openWorld=False,
    ),
    _tool(
        GET_POLICY,
        "What reviews look at",
        "What the repository's owners ask of reviews: every key with its value and where it was set, and the rules.",
        _schema({"path": {**_TEXT, "description": "As it holds for a change in this folder."}}),
        readOnly=True,
        openWorld=False,
    ),
    _tool(
        ESTIMATE,
        "Estimate the cost",
        "What review_change with the same arguments would about cost. No model is asked.",
        _schema(_SELECTION),
        readOnly=True,
        openWorld=False,
    ),
)
