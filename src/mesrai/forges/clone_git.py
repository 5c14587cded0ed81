"""Git for a clone that strangers fill: nothing of this machine's configuration holds, and one repository is reached."""

import os
from collections.abc import Mapping
from pathlib import Path

from mesrai.domain.secret import Secret
from mesrai.errors import ForgeAuth
from mesrai.forges.clone_address import CloneAddress
from mesrai.forges.git import Git

_SETTINGS = (
    "safe.bareRepository=explicit",
    f"core.attributesFile={os.devnull}",
    f"core.excludesFile={os.devnull}",
    "core.symlinks=false",
    "core.logAllRefUpdates=false",
    "core.askPass=",
    "credential.helper=",
    "protocol.allow=never",  # GIT_ALLOW_PROTOCOL says more exactly what holds; this is for what does not read it
    "gc.auto=0",
    "maintenance.auto=false",
)
_HEADER = "Authorization: "
_NETWORK_SETTINGS = (
    "protocol.version=2",
    "http.followRedirects=false",
    "http.sslVerify=true",
    "http.lowSpeedLimit=1000",
    "http.lowSpeedTime=30",
    "fetch.fsckObjects=true",
    "fetch.unpackLimit=1",  # always one pack, never thousands of files
    "fetch.recurseSubmodules=false",
    "fetch.writeCommitGraph=false",
    "fetch.showForcedUpdates=false",
    "pack.threads=2",
    "transfer.bundleURI=false",
)
# Faults of old commits that harm nobody, and for which many repositories could not be fetched at all.
# https://git-scm.com/docs/git-fsck#_fsck_messages
_HARMLESS = (
    "badDateOverflow badEmail badName badTimezone missingEmail missingNameBeforeEmail missingSpaceBeforeDate "
    "missingSpaceBeforeEmail missingTaggerEntry zeroPaddedDate zeroPaddedFilemode"
).split()
# How this machine reaches the network, which only the one who runs it can know.
_NETWORK_VARIABLES = frozenset(
    "HTTPS_PROXY HTTP_PROXY ALL_PROXY NO_PROXY GIT_SSL_CAINFO GIT_SSL_CAPATH SSL_CERT_FILE SSL_CERT_DIR".split()
)


def making_git(folder: Path, environ: Mapping[str, str]) -> Git:
    """Git that makes a repository below the folder. Errors: UserError if there is no git."""
    return Git(folder, environ, settings=_SETTINGS, variables=_alone(folder))


def clone_git(folder: Path, environ: Mapping[str, str]) -> Git:
    """Git in a clone, without any transport: what is not there is missing, and is never fetched on the side."""
    return Git(folder, environ, settings=_SETTINGS, variables=_alone(folder) | {"GIT_DIR": str(folder)})


def fetching_git(
    folder: Path, environ: Mapping[str, str], address: CloneAddress, authorization: Secret | None, *, blob_limit: int
) -> Git:
    """Git that may fetch from one address, where it sends the header `authorization`.

    The remote and that its clone is partial stand on the command line only. Written into the configuration they would
    make every command fetch what it misses. The header is in the environment, bound to the address.
    """
    settings = (
        *_SETTINGS,
        *_NETWORK_SETTINGS,
        *(f"fetch.fsck.{fault}=ignore" for fault in _HARMLESS),
        f"protocol.{address.scheme}.allow=always",
        f"remote.origin.url={address.url}",
        "remote.origin.promisor=true",
        f"remote.origin.partialCloneFilter=blob:limit={blob_limit}",
        "remote.origin.tagOpt=--no-tags",
    )
    if address.scheme == "http":
        settings += ("http.proxy=",)  # this machine itself needs none
    variables = {name: value for name, value in environ.items() if name.upper() in _NETWORK_VARIABLES}
    variables |= _alone(folder) | {"GIT_DIR": str(folder), "GIT_ALLOW_PROTOCOL": address.scheme}
    return Git(folder, environ, settings=settings, variables=variables | _header(address, authorization))


def _alone(folder: Path) -> dict[str, str]:
    """Variables that keep this machine's configuration out; the home holds no .netrc either."""
    return {
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
    }


def _header(address: CloneAddress, authorization: Secret | None) -> dict[str, str]:
    if authorization is None:
        return {}
    value = authorization.open()
    if not value.isascii() or not value.isprintable() or not value.startswith(_HEADER):
        raise ForgeAuth("The credential for git is not one line that begins with “Authorization: ”.")
    return {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{address.url}.extraHeader",
        "GIT_CONFIG_VALUE_0": value,
    }
