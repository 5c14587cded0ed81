"""What the pages need, joined."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mesrai.assembly.hosts import Hosts
from mesrai.assembly.reach import reach_of
from mesrai.assembly.repository_files import RepositoryFiles
from mesrai.assembly.trying import reading_of
from mesrai.errors import StoreError
from mesrai.flows import configuring, connect_forge
from mesrai.flows.configured import FindCentral, finding_central
from mesrai.forges.clone_cache import CloneCache
from mesrai.forges.github.central import CentralRepository
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.server.web.house import ForgePlace, House
from mesrai.server.web.oidc import sign_in_at
from mesrai.settings import load_settings
from mesrai.settings.serving import Serving
from mesrai.store.passwords import Passwords
from mesrai.wiring import installation_on, keyring_of

if TYPE_CHECKING:
    from mesrai.store.database import Database


def house_of(
    environ: Mapping[str, str],
    database: "Database",
    queue: DatabaseQueue,
    hosts: Hosts,
    told: Serving,
    *,
    cache: CloneCache | None = None,
) -> House:
    """The program behind the pages; without a cache, pull requests are read through the code host's interface."""
    organisation = load_settings(environ).organisation
    place = hosts.session.place
    reach = reach_of(environ, told.allowed_hosts)
    central = finding_central(told.central, CentralRepository(told.central, hosts.transport).files)
    return House(
        database=database,
        organisation=organisation,
        queue=queue,
        passwords=Passwords(),
        installation=lambda: installation_on(environ, database, reach=reach),
        broken=lambda: broken(database),
        connecting=_connecting(environ, database, organisation, queue, hosts),
        configuring=_configuring(database, organisation, hosts, central, told.central),
        reading=reading_of(environ, database, hosts, cache, reach=reach, central=central),
        new_app=hosts.new_app,
        forge=ForgePlace(host=place.host, web=place.web, is_set_outside=told.github is not None),
        public_url=told.public_url,
        elsewhere=None if told.sign_in.oidc is None else sign_in_at(told.sign_in.oidc, told.public_url),
        is_password_for_all=told.sign_in.is_password_for_all,
    )


def _connecting(
    environ: Mapping[str, str], database: "Database", organisation: str, queue: DatabaseQueue, hosts: Hosts
) -> Callable[[str], connect_forge.Desk]:
    return lambda who: connect_forge.Desk(
        database=database,
        organisation=organisation,
        who=who,
        keyring=lambda: keyring_of(environ),
        host=hosts.under,
        current=hosts.current,
        queue=queue,
    )


def _configuring(
    database: "Database", organisation: str, hosts: Hosts, central: FindCentral | None, central_name: str
) -> Callable[[str], configuring.Desk]:
    files = RepositoryFiles(hosts)
    return lambda who: configuring.Desk(
        database=database,
        organisation=organisation,
        who=who,
        files=files.of,
        central=central,
        central_name=central_name,
    )


async def broken(database: "Database") -> Mapping[str, str]:
    """What is broken, by the name of the part."""
    try:
        await database.rows("SELECT 1 AS one")
    except StoreError as error:
        return {"database": error.message}
    return {}
