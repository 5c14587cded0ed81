"""What reviews are about and came to, what they asked, how they went, and who wants one stopped."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Add columns to the reviews, and the tables of their calls and events."""
    for name in ("title", "author", "trigger", "models"):  # models: "provider/model", with commas between them
        op.add_column("reviews", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("reviews", sa.Column("stop_by", sa.Text, nullable=False, server_default=""))  # empty: nobody
    for name in ("critical", "high", "medium", "low", "failovers"):
        op.add_column("reviews", sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("reviews", sa.Column("took_s", sa.Double(), nullable=False, server_default="0"))
    op.add_column("reviews", sa.Column("nanos", sa.BigInteger))  # what it cost; NULL: unknown
    op.add_column("reviews", sa.Column("currency", sa.Text, nullable=False, server_default=""))
    # JSON: the code around each finding, by its fingerprint.
    op.add_column("reviews", sa.Column("excerpts", sa.Text, nullable=False, server_default=""))
    op.create_index("reviews_of_author", "reviews", ["organisation", "author", "created_at"])
    # With what lists are filtered by, so that a long report is never read on the way.
    found = ["outcome", "critical", "high", "medium", "low", "author", "title"]
    op.create_index("reviews_of_organisation", "reviews", ["organisation", "created_at", "id", *found])
    _calls()
    _events()


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("took_s", sa.Double(), nullable=False),
        sa.Column("purpose", sa.Text, nullable=False),  # the name of the shape that was asked for; empty: free text
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("is_failover", sa.Integer, nullable=False),
        sa.Column("error", sa.Text, nullable=False),  # a sentence; empty: it was answered
        sa.Column("prompt", sa.Text, nullable=False),  # JSON; empty: forgotten, or not to be kept
        sa.Column("answer", sa.Text, nullable=False),  # JSON
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("nanos", sa.BigInteger),  # NULL: unknown
        sa.Column("currency", sa.Text, nullable=False),
    )
    op.create_index("calls_of_review", "calls", ["review", "id"])
    op.create_index("calls_by_age", "calls", ["at"])


def _events() -> None:
    op.create_table(
        "review_events",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),  # the name of a class in review.progress, or "step"
        sa.Column("told", sa.Text, nullable=False),  # JSON: its fields
    )
    op.create_index("events_of_review", "review_events", ["review", "id"])
    op.create_index("events_by_age", "review_events", ["at"])
