"""What the pages need, joined."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from mesrai.assembly.hosts import Hosts
from mesrai.assembly.reach import reach_of
from mesrai.errors import StoreError
from mesrai.flows import connect_forge
from mesrai.jobs.embedded import DatabaseQueue
from mesrai.server.web.house import ForgePlace, House
from mesrai.settings import load_settings
from mesrai.settings.serving import Serving
from mesrai.store.passwords import Passwords
from mesrai.wiring import installation_on, keyring_of

if TYPE_CHECKING:
    from mesrai.store.database import Database


def house_of(
    environ: Mapping[str, str], database: "Database", queue: DatabaseQueue, hosts: Hosts, told: Serving
) -> House:
    """The program behind the pages."""
    organisation = load_settings(environ).organisation
    place = hosts.session.place
    reach = reach_of(environ, told.allowed_hosts)

    def connecting(who: str) -> connect_forge.Desk:
        return connect_forge.Desk(
            database=database,
            organisation=organisation,
            who=who,
            keyring=lambda: keyring_of(environ),
            host=hosts.under,
            current=hosts.current,
            queue=queue,
        )

    return House(
        database=database,
        organisation=organisation,
        queue=queue,
        passwords=Passwords(),
        installation=lambda: installation_on(environ, database, reach=reach),
        broken=lambda: broken(database),
        connecting=connecting,
        new_app=hosts.new_app,
        forge=ForgePlace(host=place.host, web=place.web, is_set_outside=told.github is not None),
        public_url=told.public_url,
    )


async def broken(database: "Database") -> Mapping[str, str]:
    """What is broken, by the name of the part."""
    try:
        await database.rows("SELECT 1 AS one")
    except StoreError as error:
        return {"database": error.message}
    return {}
