"""What was asked and reviewed of a pull request in more detail; answers by review; failures still to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Add the columns, and keep answers under what they are about instead of under the job that paid for them."""
    op.add_column("pull_requests", _text("reviewed_base"))  # the branch it was to go into then; empty: not known
    op.add_column("pull_requests", _number("asks"))  # how often somebody asked, which tells one time from another
    op.add_column("pull_requests", _number("round"))  # how many reviews came to an end
    op.add_column("reviews", _text("base_ref"))  # empty: not known
    op.add_column("jobs", _text("failure"))  # why it failed for good, until the people are told; empty: it did not
    op.drop_table("answers")  # what it held is only of use to reviews that run now; they ask once more
    op.create_table(
        "answers",
        sa.Column("subject", sa.Text, nullable=False),  # of the job
        sa.Column("round", sa.BigInteger, nullable=False),  # of its pull request
        sa.Column("question", sa.Text, nullable=False),  # fingerprint of the prompt
        sa.Column("answer", sa.Text, nullable=False),  # JSON
        sa.Column("at", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("subject", "round", "question"),
    )


def _text(name: str) -> "sa.Column[str]":
    return sa.Column(name, sa.Text, nullable=False, server_default="")


def _number(name: str) -> "sa.Column[int]":
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
