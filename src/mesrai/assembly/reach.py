"""Where the service may ask a model."""

from collections.abc import Mapping

from mesrai.llm.catalogue import load_catalogue
from mesrai.llm.reach import Reach, place_of
from mesrai.settings import load_settings


def reach_of(environ: Mapping[str, str], named: frozenset[str]) -> Reach:
    """Where a model may be asked: what the operator wrote down inside the network is meant, what was saved is not.

    The operator's are the environment, the settings file, and the rows laid over the catalogue.
    """
    settings = load_settings(environ)
    own = {address for row in load_catalogue().providers for address in row.addresses}
    laid_over = {address for row in settings.catalogue.providers for address in row.addresses} - own
    written = {each.base_url for each in (*settings.connections, settings.fixed) if each is not None}
    return Reach(allowed=named | {place_of(address) for address in laid_over | written})
