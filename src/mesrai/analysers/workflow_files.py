"""Which files are GitHub workflows or actions."""

import re
from typing import Final

_WORKFLOW: Final = re.compile(r"(?:^|/)\.github/workflows/[^/]+\.ya?ml$")
_ACTION: Final = re.compile(r"(?:^|/)action\.ya?ml$")


def is_workflow(path: str) -> bool:
    """Whether GitHub would run the file as a workflow."""
    return _WORKFLOW.search(path) is not None


def is_action(path: str) -> bool:
    """Whether the file describes an action."""
    return _ACTION.search(path) is not None
