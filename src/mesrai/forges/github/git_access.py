"""How git reaches a repository over HTTPS: an address without a secret, and the header that goes with it."""

from base64 import b64encode
from dataclasses import dataclass

from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.secret import Secret
from mesrai.forges.github.place import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAccess:
    """For `git -c http.<url>.extraHeader=<header>`, given by GIT_CONFIG_COUNT in the environment, never in argv."""

    url: str
    header: Secret


def git_access(place: Place, repository: RepositoryName, token: Secret) -> GitAccess:
    """The access that `token` gives to one repository."""
    pair = b64encode(f"x-access-token:{token.open()}".encode()).decode()
    return GitAccess(url=f"{place.web}/{repository.path}.git", header=Secret(f"Authorization: Basic {pair}"))
