"""A bare git repository in a folder, written and read with git itself."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Linked:
    """A symbolic link to be committed."""

    target: str


Content = str | bytes | Linked | None


class GitFailed(AssertionError):
    """git refused what the stand-in asked of it."""


_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Stand-in",
    "GIT_AUTHOR_EMAIL": "stand-in@example.com",
    "GIT_COMMITTER_NAME": "Stand-in",
    "GIT_COMMITTER_EMAIL": "stand-in@example.com",
}


def git_environment() -> dict[str, str]:
    """The environment git runs in: no configuration but the repository's own."""
    return {"PATH": os.environ["PATH"], **_ENVIRONMENT}


@dataclass(frozen=True, kw_only=True)
class Log:
    """One commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    date: str  # ISO 8601, UTC
    message: str


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of a tree."""

    mode: str
    kind: str  # blob, tree or commit
    sha: str
    size: int | None  # of a blob
    path: str


class GitStore:
    """The repository in `path`, made if it is not there."""

    def __init__(self, path: Path, default_branch: str = "main") -> None:
        self.path = path
        if not path.exists():
            path.mkdir(parents=True)
            self.run("init", "-q", "--bare", f"--initial-branch={default_branch}")
            for name, value in (
                ("uploadpack.allowFilter", "true"),
                ("uploadpack.allowAnySHA1InWant", "true"),  # as on GitHub: any commit that still exists
                ("http.receivepack", "true"),
                ("receive.advertisePushOptions", "false"),
            ):
                self.run("config", name, value)

    def run(self, *arguments: str, given: bytes | None = None, may_fail: bool = False) -> bytes:
        """What git wrote. Errors: GitFailed."""
        command = ["git", "-C", str(self.path), *arguments]
        done = subprocess.run(command, check=False, input=given, capture_output=True, env=git_environment(), timeout=60)
        if done.returncode and not may_fail:
            raise GitFailed(f"{' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
        return b"" if done.returncode else done.stdout

    def commit(
        self, branch: str, files: Mapping[str, Content], *, parent: str | None = None, message: str = "Change"
    ) -> str:
        """Put a commit on a branch (on top of it, or on `parent`, leaving behind what was there); its sha.

        A file whose content is None is removed.
        """
        ref = f"refs/heads/{branch}"
        on = parent or self.sha(ref)
        script = [f"commit {ref}\n".encode(), b"mark :1\ncommitter Stand-in <stand-in@example.com> now\n"]
        script.append(_data(message.encode()))
        script.append(f"from {on}\n".encode() if on else b"")
        script.extend(_entry(path, content) for path, content in files.items())
        self.run("fast-import", "--quiet", "--force", "--date-format=now", given=b"".join(script))
        made = self.sha(ref)
        assert made is not None, branch
        return made

    def sha(self, revision: str) -> str | None:
        """The commit a revision names, or None."""
        found = self.run("rev-parse", "-q", "--verify", "--end-of-options", f"{revision}^{{commit}}", may_fail=True)
        return found.decode().strip() or None

    def point(self, ref: str, sha: str) -> None:
        """Set a ref."""
        self.run("update-ref", ref, sha)

    def take(self, other: "GitStore", revision: str, ref: str) -> None:
        """Copy a commit, with its history, from another repository and set a ref on it."""
        if other.path == self.path:
            self.point(ref, revision)
        else:
            self.run("fetch", "-q", "--no-tags", str(other.path), f"+{revision}:{ref}")

    def merge_base(self, one: str, other: str) -> str:
        """The best common ancestor; the first one itself where there is none."""
        return self.run("merge-base", one, other, may_fail=True).decode().strip() or one

    def are_related(self, one: str, other: str) -> bool:
        """Whether two commits have one in common."""
        return bool(self.run("merge-base", one, other, may_fail=True))

    def tree(self, tree: str, *, is_whole: bool) -> list[Entry] | None:
        """What stands in a tree or commit, or below it too; None if there is no such thing."""
        found = self.run("rev-parse", "-q", "--verify", "--end-of-options", f"{tree}^{{tree}}", may_fail=True)
        if not found:
            return None
        options = ("-r", "-t") if is_whole else ()
        raw = self.run("ls-tree", "-z", "-l", "--full-tree", *options, found.decode().strip())
        return [_entry_of(each) for each in raw.decode(errors="replace").split("\0") if each]

    def object(self, sha: str) -> bytes | None:
        """A blob's bytes by its id, or None."""
        kind = self.run("cat-file", "-t", sha, may_fail=True).strip()
        return self.run("cat-file", "blob", sha) if kind == b"blob" else None

    def is_ancestor(self, one: str, other: str) -> bool:
        return self.merge_base(one, other) == one

    def log(self, old: str | None, new: str) -> list[Log]:
        """The commits of `old..new`, oldest first; just `new` where `old` is None."""
        span = ["-1", new] if old is None else [f"{old}..{new}"]
        shape = "--format=%H%x00%T%x00%P%x00%ct%x00%B%x01"
        raw = self.run("log", "--reverse", "--topo-order", shape, *span, "--").decode(errors="replace")
        return [_log(entry.strip("\n").split("\0")) for entry in raw.split("\1") if entry.strip("\n")]

    def merge(self, base_ref: str, head: str, message: str) -> str:
        """Merge a commit into a branch; the merge's sha. Errors: GitFailed when they conflict."""
        ref = f"refs/heads/{base_ref}"
        base = self.sha(ref)
        assert base is not None, base_ref
        tree = self.run("merge-tree", "--write-tree", base, head).decode().split("\n")[0]
        made = self.run("commit-tree", tree, "-p", base, "-p", head, "-m", message).decode().strip()
        self.point(ref, made)
        return made

    def blob(self, commit: str, path: str) -> bytes | None:
        """A file's bytes, or None."""
        return self.run("cat-file", "blob", f"{commit}:{path}", may_fail=True) or (
            b"" if self.run("rev-parse", "-q", "--verify", f"{commit}:{path}", may_fail=True) else None
        )


def _entry_of(line: str) -> Entry:
    facts, _, path = line.partition("\t")
    mode, kind, sha, size = facts.split()
    return Entry(mode=mode, kind=kind, sha=sha, size=int(size) if size != "-" else None, path=path)


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)


def _entry(path: str, content: Content) -> bytes:
    quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if content is None:
        return f"D {quoted}\n".encode()
    if isinstance(content, Linked):
        return f"M 120000 inline {quoted}\n".encode() + _data(content.target.encode())
    raw = content.encode() if isinstance(content, str) else content
    return f"M 100644 inline {quoted}\n".encode() + _data(raw)


def _log(fields: list[str]) -> Log:
    date = datetime.fromtimestamp(int(fields[3]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Log(sha=fields[0], tree=fields[1], parents=tuple(fields[2].split()), date=date, message=fields[4].strip())
