"""What the repository's own documents ask of reviewers, read from the base of the change."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mesrai.domain.change import At
from mesrai.domain.diff import FileDiff
from mesrai.domain.policy import POLICY_FILE, Policy, Rule
from mesrai.domain.policy_file import read_policy, read_rule_file
from mesrai.errors import PolicyError
from mesrai.forges.forge import Source

_ROOT_DOCUMENTS = (
    "AGENTS.md", "CLAUDE.md", ".mesrai.md", ".cursorrules", ".windsurfrules", ".github/copilot-instructions.md",
)  # fmt: skip
_FOLDER_DOCUMENTS = ("AGENTS.md", "CLAUDE.md")
_DOCUMENT_FOLDERS = (".cursor/rules/", ".github/instructions/", "docs/coding-standards/")
_RULE_FOLDER = ".mesrai/rules/"
_MOST_DOCUMENTS = 40
_MOST_CHARS = 24_000
_MOST_CHARS_EACH = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """Conventions and rules of the repository."""

    text: str = ""  # the documents, each under its name
    rules: tuple[Rule, ...] = ()
    notices: tuple[str, ...] = ()  # documents cut, or rule files that cannot be used


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFound:
    """The owners' policy and where it came from."""

    policy: Policy
    file: str = ""  # empty: there is none, and the defaults hold

    @property
    def told(self) -> str:
        """One sentence for people."""
        if not self.file:
            return f"no {POLICY_FILE} at the repository's root: the defaults hold"
        return f"policy in {self.file}, {len(self.policy.rules)} rules"


async def load_policy(source: Source, at: At) -> PolicyFound:
    """The policy file at one end of the change, or the defaults; the base is that of the whole work.

    Errors: PolicyError, SourceError.
    """
    data = await source.file(POLICY_FILE, At.TARGET if at is At.BASE else at)
    if data is None:
        return PolicyFound(policy=Policy())
    return PolicyFound(policy=read_policy(data, file=POLICY_FILE), file=POLICY_FILE)


async def load_guidance(source: Source, reviewed: Sequence[FileDiff]) -> Guidance:
    """Read the documents that hold for the reviewed files. Errors: SourceError.

    Only the target counts: a change cannot give its reviewer instructions, nor can its own earlier commits.
    """
    listed = await source.tree.paths() if source.tree else ()
    documents = [*_ROOT_DOCUMENTS, *_of_folders(reviewed)]
    documents += [path for path in listed if path.startswith(_DOCUMENT_FOLDERS)]
    rule_files = [path for path in listed if path.startswith(_RULE_FOLDER) and path.endswith(".md")]
    names = list(dict.fromkeys(documents))[:_MOST_DOCUMENTS]
    read = await asyncio.gather(*(source.file(path, At.TARGET) for path in [*names, *rule_files]))
    texts = read[: len(names)]
    text, notices = _joined([(name, data) for name, data in zip(names, texts, strict=True) if data and data.strip()])
    rules: list[Rule] = []
    for path, data in zip(rule_files, read[len(names) :], strict=True):
        if data is None:
            continue
        try:
            rules.append(read_rule_file(data, file=path))
        except PolicyError as error:
            notices.append(f"A rule file was not used: {error.message}")
    return Guidance(text=text, rules=tuple(rules), notices=tuple(notices))


def _of_folders(reviewed: Sequence[FileDiff]) -> list[str]:
    """The documents of the folders above the reviewed files, nearest to the root first."""
    folders = {folder for file in reviewed for folder in PurePosixPath(file.path).parents if str(folder) != "."}
    nearest = sorted(folders, key=lambda folder: (len(folder.parts), str(folder)))[:_MOST_DOCUMENTS]
    return [f"{folder}/{name}" for folder in nearest for name in _FOLDER_DOCUMENTS]


def _joined(documents: Sequence[tuple[str, bytes]]) -> tuple[str, list[str]]:
    blocks: list[str] = []
    notices: list[str] = []
    left = _MOST_CHARS
    for name, data in documents:
        text = data.decode("utf-8", "replace").strip()
        kept = text[: min(_MOST_CHARS_EACH, max(left, 0))]
        if len(kept) < len(text):
            notices.append(f"{name} was read only in part: {len(kept)} of {len(text)} characters")
        if kept:
            blocks.append(f"## {name}\n{kept}")
        left -= len(kept)
    return "\n\n".join(blocks), notices
