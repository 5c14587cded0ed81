"""Run the stand-in provider on a loopback port until it is told to end."""

import json
import os
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Final

import uvicorn

from mesrai.errors import SettingsError
from mesrai.sandbox.app import sandbox_app
from mesrai.sandbox.faces import FACES
from mesrai.sandbox.manners import Manners
from mesrai.sandbox.overlay import overlay_toml
from mesrai.sandbox.worlds import Worlds

_HOST: Final = "127.0.0.1"
_END_S: Final = 1
_KEY: Final = "sk-sim-ok-tier3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What to serve, and what to say about it."""

    manners: Manners
    port: int = 8471  # 0: any that is free
    catalogue: Path | None = None  # where to write the overlay
    is_json: bool = False  # say it as one line of JSON


def serve(serving: Serving) -> None:
    """Serve until interrupted or terminated. Errors: SettingsError."""
    listener = _listener(serving.port)
    root = f"http://{_HOST}:{listener.getsockname()[1]}"
    app = sandbox_app(serving.manners)
    if serving.catalogue is not None:
        _write(serving.catalogue, overlay_toml(root))
    sys.stdout.write(_told_as_json(serving, root) if serving.is_json else _told(serving, root))
    sys.stdout.flush()
    # The server itself catches both signals, ends, and then raises what it caught once more.
    signal.signal(signal.SIGTERM, _leave)
    config = uvicorn.Config(app, log_level="critical", lifespan="off", timeout_graceful_shutdown=_END_S)
    try:
        uvicorn.Server(config).run(sockets=[listener])
    except KeyboardInterrupt:
        return
    finally:
        listener.close()


def _listener(port: int) -> socket.socket:
    # The protocol is named so that asyncio turns Nagle's algorithm off; else each answer takes 40 ms longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise SettingsError(
            f"Port {port} cannot be used: {reason}. Choose another with --port, or 0 for any."
        ) from error
    listener.listen(2_048)
    return listener


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise SettingsError(f"The catalogue file {path} cannot be written: {error.strerror}.") from error


def _leave(_: int, __: FrameType | None) -> None:
    raise SystemExit(0)


def _told_as_json(serving: Serving, root: str) -> str:
    told = {
        "url": root,
        "pid": os.getpid(),
        "catalogue": str(serving.catalogue) if serving.catalogue else None,
        "faces": {face.provider: root + face.base for face in FACES},
    }
    return json.dumps(told) + "\n"


def _told(serving: Serving, root: str) -> str:
    day = serving.manners.on
    wide = max(len(face.name) for face in FACES)
    faces = [f"  {face.name:<{wide}}  {root}{face.base}" for face in FACES]
    worlds = [world for world in Worlds(serving.manners.day).known.values() if world.told]
    most = max(len(world.key) for world in worlds)
    keys = [f"  {world.key:<{most}}  {world.told}" for world in worlds]
    place = f"MESRAI_BASE_URL={root}/v1"
    if serving.catalogue is not None:
        place = f"MESRAI_CATALOGUE={serving.catalogue.resolve()}"
    lines = [
        f"The stand-in provider listens at {root}. Its answers come from fixed rules, not from a model.",
        *([f"It plays {day}: models retired later answer, models that came later do not."] if day else []),
        "",
        "Faces:",
        *faces,
        "",
        "Keys (with the name of a fault at its end, as sk-sim-overloaded or zai-sim-server_error, a key misbehaves):",
        *keys,
        "",
        "To try it, in another terminal:",
        f"  export {place}",
        "  export MESRAI_PROVIDER=moonshot",
        f"  export MESRAI_API_KEY={_KEY}",
        "",
        "Ctrl-C ends it.",
    ]
    return "\n".join(lines) + "\n"
