"""What the repository's own documents ask of reviewers, read from the base of the change."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mesrai.domain.change import At
from mesrai.domain.diff import Action, FileDiff
from mesrai.domain.policy import POLICY_FILE, Policy
from mesrai.domain.policy_levels import Origin, merged
from mesrai.domain.saved_policy import NOTHING_SAVED, Saved
from mesrai.forges.forge import Source
from mesrai.review.levels import Central, Reviewed, read_levels

_ROOT_DOCUMENTS = (
    "AGENTS.md", "CLAUDE.md", ".mesrai.md", ".cursorrules", ".windsurfrules", ".github/copilot-instructions.md",
)  # fmt: skip
_FOLDER_DOCUMENTS = ("AGENTS.md", "CLAUDE.md")
_DOCUMENT_FOLDERS = (".cursor/rules/", ".github/instructions/", "docs/coding-standards/")
_MOST_DOCUMENTS = 40
_MOST_CHARS = 24_000
_MOST_CHARS_EACH = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Guidance:
    """Conventions of the repository."""

    text: str = ""  # the documents, each under its name
    notices: tuple[str, ...] = ()  # documents that were cut


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyFound:
    """The owners' policy and where it came from."""

    policy: Policy
    file: str = ""  # the most specific policy file; empty: there is none
    files: tuple[str, ...] = ()  # all policy files that hold, the most specific last
    origins: tuple[Origin, ...] = ()  # of every key's value, of every rule and of every memory

    @property
    def told(self) -> str:
        """One sentence for people."""
        if self.files:
            return f"policy in {', '.join(self.files)}, {len(self.policy.rules)} rules"
        rules = f"; {len(self.policy.rules)} rules" if self.policy.rules else ""
        return f"no {POLICY_FILE} at the repository's root: the defaults hold{rules}"


async def load_policy(
    source: Source, at: At, *, repository: str = "", central: Central | None = None, saved: Saved = NOTHING_SAVED
) -> PolicyFound:
    """What holds for the change, from every level, as it stands at one end of it; the base is that of the whole work.

    `repository` is its name, `host/owner/name` or as much of it as is known; `saved` is what the pages keep for it.
    The change itself is read for its paths.
    Errors: PolicyError, SourceError, ForgeError.
    """
    paths = _touched((await source.change()).files)
    own = Reviewed(source, At.TARGET if at is At.BASE else at)
    levels = await read_levels(own, central, repository, paths, saved)
    made = merged(levels.layers, levels.scene)
    files = tuple(layer.file for layer in levels.layers if layer.file)
    return PolicyFound(policy=made.policy, file=files[-1] if files else "", files=files, origins=made.origins)


def _touched(files: Sequence[FileDiff]) -> list[str]:
    """Every path at which something is changed; of a moved file also the one it had."""
    before = [file.base_path for file in files if file.action is not Action.COPIED]
    return list(dict.fromkeys([*(file.path for file in files), *before]))


async def load_guidance(source: Source, reviewed: Sequence[FileDiff]) -> Guidance:
    """Read the documents that hold for the reviewed files. Errors: SourceError.

    Only the target counts: a change cannot give its reviewer instructions, nor can its own earlier commits.
    """
    listed = await asyncio.gather(*(source.below(folder, At.TARGET) for folder in _DOCUMENT_FOLDERS))
    documents = [*_ROOT_DOCUMENTS, *_of_folders(reviewed)]
    documents += [path for paths in listed for path in paths]
    names = list(dict.fromkeys(documents))[:_MOST_DOCUMENTS]
    texts = await asyncio.gather(*(source.file(path, At.TARGET) for path in names))
    text, notices = _joined([(name, data) for name, data in zip(names, texts, strict=True) if data and data.strip()])
    return Guidance(text=text, notices=tuple(notices))


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
