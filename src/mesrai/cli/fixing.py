"""Apply the suggestions of a review to the files, after asking."""

import os
import sys

from mesrai.cli.call import Call
from mesrai.cli.fix import Talk, Tree, fix_all, fix_each
from mesrai.cli.look import look_for
from mesrai.cli.running import Done


def fix(done: Done, call: Call) -> None:
    """Show, ask and write. Errors: UserError if there is nobody to ask; a file that changed is left alone and named."""
    out = sys.stdout if call.form == "terminal" and call.output is None else sys.stderr
    tree = Tree(root=done.root, reviewed=done.heads)
    talk = Talk(answers=sys.stdin, out=out, look=look_for(out, os.environ, is_verbose=call.is_verbose))
    if call.wants_interactive:
        fix_each(done.review, tree, talk)
    else:
        fix_all(done.review, tree, talk, asks=not call.assumes_yes)
