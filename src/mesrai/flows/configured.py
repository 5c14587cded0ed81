"""Find the policy that holds for a pull request, from every level that configures it."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from mesrai.domain.change import At
from mesrai.domain.policy import Policy
from mesrai.domain.pull_request import RepositoryName
from mesrai.domain.saved_policy import NOTHING_SAVED, Saved
from mesrai.forges.folder import FolderFiles
from mesrai.forges.forge import Files, Source
from mesrai.review.guidance import load_policy
from mesrai.review.levels import Central
from mesrai.store.configurations import saved_for
from mesrai.store.database import Database

# The central repository as it is now, for a review of that repository. Errors: ForgeError, SourceError.
FindCentral = Callable[[RepositoryName], Awaitable[Central]]
FindSaved = Callable[[RepositoryName], Awaitable[Saved]]  # what the pages keep for a repository. Errors: StoreError.


def finding_central(path: str, files: Callable[[], Awaitable[Files]]) -> FindCentral | None:
    """How the central repository `owner/name` is found, whose files those are; None if none is named."""
    if not path:
        return None

    async def find(reviewed: RepositoryName) -> Central:
        return Central(files=await files(), is_reviewed=reviewed.path.casefold() == path.casefold())

    return find


def central_folder(environ: Mapping[str, str], root: Path) -> Central | None:
    """The checkout of the central repository, for a review of the repository at `root`; None if none is named.

    Errors: SettingsError if it is not there: half of the rules are not enough.
    """
    named = environ.get("MESRAI_CENTRAL_CONFIG", "").strip()
    if not named:
        return None
    files = FolderFiles(Path(named).expanduser())
    return Central(files=files, is_reviewed=files.root == root.resolve())


def finding_saved(database: Database, organisation: str) -> FindSaved:
    """How what is saved on the pages is found."""

    async def find(repository: RepositoryName) -> Saved:
        return await saved_for(database, organisation, str(repository))

    return find


async def policy_of(
    source: Source, repository: RepositoryName, find_central: FindCentral | None, find_saved: FindSaved | None = None
) -> Policy:
    """The policy from the base of the change; `find_central` None: there is no central repository.

    A central repository that cannot be read is an error: half of the rules are not enough. Errors: PolicyError,
    SourceError, ForgeError; StoreError.
    """
    central = None if find_central is None else await find_central(repository)
    saved = NOTHING_SAVED if find_saved is None else await find_saved(repository)
    found = await load_policy(source, At.BASE, repository=str(repository), central=central, saved=saved)
    return found.policy
