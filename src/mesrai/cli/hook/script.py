"""The file that git runs: a short shell script that calls mesrai, and says so if it is no longer there."""

import shlex
from typing import Final

from mesrai.cli.hook.options import Strictness, options_line
from mesrai.forges.hooks import BEFORE, MARK, HookName

# Standard input is read once: the hook that was there before and ours both need it.
_SCRIPT: Final = """\
#!/bin/sh
{mark} made by `mesrai hook install`, taken away by `mesrai hook uninstall`.
# MESRAI_SKIP_HOOK=1 skips it once.
{options}
program={program}
input=$({read})
feed() {{ [ -z "$input" ] || printf '%s\\n' "$input"; }}
if [ -x "$0{before}" ]; then
  feed | "$0{before}" "$@" || exit $?
fi
if [ -x "$program" ]; then
  feed | "$program" -P -m mesrai hook run $options {name} "$@"
elif command -v mesrai >/dev/null 2>&1; then
  feed | mesrai hook run $options {name} "$@"
else
  echo 'mesrai: NOT reviewed: mesrai is no longer installed; see .git/hooks, or docs/hooks.md.' >&2
  case " $options " in *' --require '*) exit 1 ;; esac
fi
"""


def hook_script(name: HookName, given: Strictness, program: str) -> str:
    """The text of the hook. `program` is a Python that has mesrai; it looks for modules in no folder of the project."""
    return _SCRIPT.format(
        mark=MARK,
        options=options_line(given),
        program=shlex.quote(program),
        read="cat" if name is HookName.PRE_PUSH else "",
        before=BEFORE,
        name=name,
    )
