"""A catalogue file to lay over the product's own, by which the vendors' addresses mean this server."""

from collections.abc import Iterator

from mesrai.sandbox.faces import FACES, Face


def overlay_toml(root_url: str) -> str:
    """TOML rows that point each vendor at its face. `root_url`: scheme, host and port of the stand-in.

    What a vendor's own address, web site or console is taken for leads to the face too, so that nothing goes there.
    """
    root = root_url.rstrip("/")
    head = f"# The vendors' addresses, played by the stand-in provider at {root}.\n"
    return "\n".join([head, *(row for face in FACES for row in _rows(face, root))])


def _rows(face: Face, root: str) -> Iterator[str]:
    base = root + face.base
    yield f'[[provider]]\nid = "{face.provider}"\nbase_url = "{base}"\n'
    if face.has_gate:
        for api in (base, *face.vendor):
            words = f"{api}/v1/chat/completions is closed to clients that are not on the vendor's list; the messages"
            yield _instead(f"{api}/v1", f"{words} address {base} is used.")
    for api in face.vendor:
        yield _instead(api, f"{api} is played by the stand-in provider at {base}, which is used.")
    for site in face.sites:
        yield _instead(site, f"{site.removeprefix('https://')} is the console or web site; the API {base} is used.")


def _instead(address: str, notice: str) -> str:
    return f'[[provider.instead]]\naddress = "{address}"\nnotice = "{notice}"\n'
