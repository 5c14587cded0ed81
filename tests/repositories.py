"""Throw-away git repositories for tests."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2024-05-01T12:00:00+02:00",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "2024-05-01T12:00:00+02:00",
    "GIT_ALLOW_PROTOCOL": "file",
    "LC_ALL": "C",
}

Content = str | bytes


class Repository:
    """A git repository in a folder of the test."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git_bytes(self, *arguments: str, stdin: bytes = b"", fails: bool = False) -> bytes:
        """What git prints; `fails` allows it to fail."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, env=ENVIRONMENT, input=stdin, capture_output=True, check=False
        )
        if done.returncode and not fails:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
        return done.stdout

    def git(self, *arguments: str, stdin: bytes = b"", fails: bool = False) -> str:
        """What git prints, as stripped text."""
        return self.git_bytes(*arguments, stdin=stdin, fails=fails).decode("utf-8", "replace").strip()

    def write(self, path: str, content: Content) -> Path:
        """Write a file, making its folders."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
        return place

    def link(self, path: str, target: str) -> Path:
        """Make a symbolic link."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
        return place

    def commit(self, message: str = "change", files: Mapping[str, Content] | None = None) -> str:
        """Write the files, commit everything in the working tree, and return the commit's id."""
        for path, content in (files or {}).items():
            self.write(path, content)
        self.git("add", "--all")
        self.git(
            "-c", "maintenance.auto=false", "commit", "--quiet", "--allow-empty", "--no-verify", "--message", message
        )
        return self.git("rev-parse", "HEAD")


def a_repository(
    folder: Path, files: Mapping[str, Content] | None = None, *, options: Sequence[str] = ()
) -> Repository:
    """A new repository on branch main; with one commit, if files are given."""
    folder.mkdir(parents=True, exist_ok=True)
    repository = Repository(folder)
    repository.git("init", "--quiet", "--template=", "--initial-branch=main", *options)
    if files is not None:
        repository.commit("first", files)
    return repository


def a_clone(of: Repository, folder: Path, *options: str) -> Repository:
    """A clone over the file transport, so that --depth and --filter work."""
    of.git("clone", "--quiet", "--template=", *options, of.root.resolve().as_uri(), str(folder))
    return Repository(folder)


def a_program(folder: Path, name: str, text: str) -> Path:
    """A shell program that stands in for git, or that must never run."""
    place = folder / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n")
    place.chmod(0o755)
    return place


def a_trap(repository: Repository, folder: Path) -> None:
    """A configuration where all that can run a program runs one that writes to `folder`/ran, and much is odd."""
    trap = a_program(folder, "trap", f'echo "$0 $@" >> {folder}/ran; cat')
    hooks = a_program(folder / "hooks", "post-index-change", f"echo hook >> {folder}/ran").parent
    settings = {
        "core.fsmonitor": trap,
        "core.hooksPath": hooks,
        "core.pager": trap,
        "core.sshCommand": trap,
        "pager.diff": trap,
        "diff.external": trap,
        "diff.t.command": trap,
        "diff.t.textconv": trap,
        "filter.t.clean": trap,
        "filter.t.smudge": trap,
        "filter.t.required": "true",
        "filter.two words.process": trap,
        "gpg.program": trap,
        "log.showSignature": "true",
        "credential.helper": trap,
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "diff.submodule": "log",
        "diff.orderFile": "/nonexistent",
        "diff.context": "0",
        "diff.renames": "false",
        "diff.suppressBlankEmpty": "true",
        "color.ui": "always",
        "color.diff": "always",
        "color.grep": "always",
        "blame.ignoreRevsFile": "/nonexistent",
        "log.follow": "true",
        "grep.column": "true",
        "grep.patternType": "perl",
    }
    for key, value in settings.items():
        repository.git("config", key, str(value))
