"""docs/rights.md, made from the tables of rights and pages: `python -m tests.rights_page` writes it."""

from pathlib import Path

from mesrai.domain.roles import Right, Role, may
from mesrai.server.web.pages.all import PAGES

PAGE = Path(__file__).parents[1] / "docs" / "rights.md"

_INTRO = """\
# Who may do what

Made from the code by `python -m tests.rights_page`. Each page and each form needs one right, and each right belongs to
some roles. A repository admin changes only what belongs to the repositories that are named for that member. What each
role may do with the interface for programs stands in [api.md](api.md#what-each-role-may-do).
"""


def rights_page() -> str:
    """The whole page."""
    roles = [str(role).replace("_", " ") for role in Role]
    bar = "|---" * len(roles) + "|"
    rights = [f"| `{right}` | {_yes(right)} |" for right in Right]
    pages = [
        f"| {each.methods[0]} `{each.path}` | {_yes(each.needs)} | {f'`{each.needs}`' if each.needs else 'nothing'} |"
        for each in PAGES
    ]
    return "\n".join(
        [
            *(_INTRO, "## The rights", "", f"| right | {' | '.join(roles)} |", f"|---{bar}", *rights, ""),
            *("## The pages", "", f"| | {' | '.join(roles)} | needs |", f"|---{bar}---|", *pages, ""),
        ]
    )


def _yes(right: Right | None) -> str:
    return " | ".join("yes" if right is None or may(role, right) else "" for role in Role)


if __name__ == "__main__":
    PAGE.write_text(rights_page(), "utf-8")
