"""Which pipeline we run in, and which change it runs for, as the platform's own variables say."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mesrai.domain.secret import Secret
from mesrai.domain.selection import Selection, SelectionKind
from mesrai.errors import SettingsError

_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_BRANCH: Final = re.compile(r"[^\s~^:?*\[\\-][^\s~^:?*\[\\]{0,250}")
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Platform(StrEnum):
    """Whose pipeline it is."""

    GITLAB = "gitlab"
    BITBUCKET = "bitbucket"
    AZURE = "azure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One run of a pipeline."""

    platform: Platform
    selection: Selection | None = None  # None: there is no merge or pull request
    head: str = ""  # the commit under review
    project: str = ""  # GitLab: the id of the project; Bitbucket: workspace/repository
    number: str = ""  # of the merge request, inside the project
    api: str = ""  # the address of the platform's API
    token: Secret | None = None  # for comments


def find_place(environ: Mapping[str, str]) -> Place:
    """Where we run. Errors: SettingsError if it is no pipeline we know, or a variable is not what it should be."""
    if environ.get("GITLAB_CI") == "true":
        return _gitlab(environ)
    if environ.get("BITBUCKET_BUILD_NUMBER"):
        return _bitbucket(environ)
    if environ.get("TF_BUILD", "").lower() == "true":
        return _azure(environ)
    if environ.get("GITHUB_ACTIONS") == "true":
        raise SettingsError("This is a GitHub workflow; use action.yml, or `mesrai action`: docs/action.md.")
    raise SettingsError("This is no pipeline of GitLab, Bitbucket or Azure: their variables are not there.")


def _gitlab(environ: Mapping[str, str]) -> Place:
    """https://docs.gitlab.com/ci/variables/predefined_variables/"""
    number = environ.get("CI_MERGE_REQUEST_IID", "")
    if not number:
        return Place(platform=Platform.GITLAB)
    # In a pipeline for the merged result, CI_COMMIT_SHA is a commit that only the pipeline has.
    head = environ.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or environ.get("CI_COMMIT_SHA", "")
    base = _matched(environ, "CI_MERGE_REQUEST_DIFF_BASE_SHA", _COMMIT)
    token = environ.get("MESRAI_GITLAB_TOKEN", "").strip()
    return Place(
        platform=Platform.GITLAB,
        selection=_range(base, _commit("CI_COMMIT_SHA", head)),
        head=head,
        project=_matched(environ, "CI_PROJECT_ID", _NUMBER),
        number=_matched(environ, "CI_MERGE_REQUEST_IID", _NUMBER),
        api=environ.get("CI_API_V4_URL", "").rstrip("/"),
        token=Secret(token) if token else None,
    )


def _bitbucket(environ: Mapping[str, str]) -> Place:
    """https://support.atlassian.com/bitbucket-cloud/docs/variables-and-secrets/"""
    number = environ.get("BITBUCKET_PR_ID", "")
    if not number:
        return Place(platform=Platform.BITBUCKET)
    head = _matched(environ, "BITBUCKET_COMMIT", _COMMIT)
    branch = environ.get("BITBUCKET_PR_DESTINATION_BRANCH", "")
    base = environ.get("BITBUCKET_PR_DESTINATION_COMMIT", "")
    start = base if _COMMIT.fullmatch(base) else f"origin/{_branch('BITBUCKET_PR_DESTINATION_BRANCH', branch)}"
    return Place(
        platform=Platform.BITBUCKET,
        selection=_range(start, head),
        head=head,
        project=_matched(environ, "BITBUCKET_REPO_FULL_NAME", re.compile(r"[\w.-]+/[\w.-]+")),
        number=_matched(environ, "BITBUCKET_PR_ID", _NUMBER),
        api="http://api.bitbucket.org/2.0",  # through the step's own proxy, which signs in and speaks TLS
    )


def _azure(environ: Mapping[str, str]) -> Place:
    """https://learn.microsoft.com/azure/devops/pipelines/build/variables"""
    number = environ.get("SYSTEM_PULLREQUEST_PULLREQUESTID", "")
    if not number:
        return Place(platform=Platform.AZURE)
    branch = environ.get("SYSTEM_PULLREQUEST_TARGETBRANCH", "").removeprefix("refs/heads/")
    head = environ.get("SYSTEM_PULLREQUEST_SOURCECOMMITID") or environ.get("BUILD_SOURCEVERSION", "")
    head = _commit("SYSTEM_PULLREQUEST_SOURCECOMMITID", head)
    start = f"origin/{_branch('SYSTEM_PULLREQUEST_TARGETBRANCH', branch)}"
    return Place(platform=Platform.AZURE, selection=_range(start, head), head=head, number=number)


def _range(base: str, head: str) -> Selection:
    return Selection(kind=SelectionKind.RANGE, value=f"{base}...{head}")


def _matched(environ: Mapping[str, str], name: str, form: re.Pattern[str]) -> str:
    value = environ.get(name, "")
    if not form.fullmatch(value):
        raise SettingsError(f"{name} is not what the platform sets: {value[:60]!r}.")
    return value


def _commit(name: str, value: str) -> str:
    return _matched({name: value}, name, _COMMIT)


def _branch(name: str, value: str) -> str:
    if ".." in value:
        raise SettingsError(f"{name} is not what the platform sets: {value[:60]!r}.")
    return _matched({name: value}, name, _BRANCH)
