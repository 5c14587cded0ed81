"""Jobs, webhook deliveries, pull requests with their reviews, remembered answers."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Make the tables of the service."""
    op.create_table(
        "jobs",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),  # JSON
        sa.Column("state", sa.Text, nullable=False),  # waiting, running, done, failed
        sa.Column("due_at", _SECONDS, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("lease_until", _SECONDS, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),  # why it waits, or why it failed
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("changed_at", _SECONDS, nullable=False),
    )
    op.create_index("jobs_waiting", "jobs", ["due_at"], sqlite_where=sa.text("state = 'waiting'"),
                    postgresql_where=sa.text("state = 'waiting'"))  # fmt: skip
    for state in ("waiting", "running"):
        op.create_index(
            f"jobs_one_{state}", "jobs", ["kind", "subject"], unique=True,
            sqlite_where=sa.text(f"state = '{state}'"), postgresql_where=sa.text(f"state = '{state}'"),
        )  # fmt: skip
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Text, primary_key=True),  # forge and delivery id
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("what", sa.Text, nullable=False),  # what was made of it, for people
    )
    op.create_table(
        "pull_requests",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("installation", sa.BigInteger),
        sa.Column("reviewed_sha", sa.Text, nullable=False),  # the last head that was reviewed as a whole; empty: none
        sa.Column("is_paused", sa.Integer, nullable=False),
        sa.Column("summary_comment", sa.BigInteger),
        sa.Column("check_id", sa.BigInteger),
        sa.Column("check_sha", sa.Text, nullable=False),
        sa.Column("pushes", sa.Text, nullable=False),  # JSON: times of the last pushes
        sa.Column("changed_at", _SECONDS, nullable=False),
    )
    op.create_table(
        "reviews",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("head_sha", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),  # running, parked, or as domain.review.Outcome
        sa.Column("report", sa.Text, nullable=False),  # JSON, as `mesrai review --format json`
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("changed_at", _SECONDS, nullable=False),
    )
    op.create_index("reviews_of_subject", "reviews", ["subject", "created_at"])
    op.create_table(
        "answers",
        sa.Column("job", sa.BigInteger, nullable=False),
        sa.Column("question", sa.Text, nullable=False),  # fingerprint of the prompt
        sa.Column("answer", sa.Text, nullable=False),  # JSON
        sa.Column("at", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("job", "question"),
    )
