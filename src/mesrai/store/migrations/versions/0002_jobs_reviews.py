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
    _jobs()
    _what_is_remembered()
    _reviews()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),  # the subject's: repositories take turns
        sa.Column("payload", sa.Text, nullable=False),  # JSON
        sa.Column("state", sa.Text, nullable=False),  # waiting, running, done, failed
        sa.Column("due_at", _SECONDS, nullable=False),
        sa.Column("attempts", sa.BigInteger, nullable=False),  # grows with every claim, and tells one from another
        sa.Column("spared", sa.BigInteger, nullable=False),  # of the attempts, those that count for nothing
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("lease_until", _SECONDS, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),  # why it waits, why it failed, or what ended it otherwise
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("claimed_at", _SECONDS, nullable=False),  # 0: never
        sa.Column("changed_at", _SECONDS, nullable=False),
        sqlite_autoincrement=True,  # an id is never given twice: answers are remembered under it
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index(
        "jobs_waiting", "jobs", ["repository", "due_at", "id"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index("jobs_of_repository", "jobs", ["repository", "claimed_at"])
    for state in ("waiting", "running"):
        is_it = sa.text(f"state = '{state}'")
        op.create_index(
            f"jobs_one_{state}", "jobs", ["kind", "subject"], unique=True, sqlite_where=is_it, postgresql_where=is_it
        )


def _what_is_remembered() -> None:
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
        sa.Column("asked", sa.Text, nullable=False),  # a review somebody asked for, until it ends; empty: none
        sa.Column("summary_comment", sa.BigInteger),
        sa.Column("check_id", sa.BigInteger),
        sa.Column("check_sha", sa.Text, nullable=False),
        sa.Column("pushes", sa.Text, nullable=False),  # JSON: times of the last pushes
        sa.Column("changed_at", _SECONDS, nullable=False),
    )
    op.create_table(
        "answers",
        sa.Column("job", sa.BigInteger, nullable=False),
        sa.Column("question", sa.Text, nullable=False),  # fingerprint of the prompt
        sa.Column("answer", sa.Text, nullable=False),  # JSON
        sa.Column("at", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("job", "question"),
    )


def _reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),  # the subject's
        sa.Column("head_sha", sa.Text, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),  # running, parked, or as domain.review.Outcome
        sa.Column("reason", sa.Text, nullable=False),  # why it waits or failed
        sa.Column("report", sa.Text, nullable=False),  # empty: none yet; JSON, as `mesrai review --format json`
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("changed_at", _SECONDS, nullable=False),
    )
    op.create_index("reviews_of_subject", "reviews", ["subject", "created_at", "id"])
    op.create_index("reviews_of_repository", "reviews", ["repository", "created_at", "id"])
    op.create_index("reviews_newest", "reviews", ["created_at", "id"])
