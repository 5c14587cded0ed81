"""What the HTTP interface keeps: calls counted, requests sent once, feedback on findings, and webhooks out."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "api_rates",
        sa.Column("caller", sa.Text, primary_key=True),
        sa.Column("period", sa.BigInteger, primary_key=True),  # minutes since the epoch
        sa.Column("calls", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "api_once",
        sa.Column("caller", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("seal", sa.Text, nullable=False),  # a digest of the request
        sa.Column("answer", sa.Text, nullable=False),  # JSON; empty: it is being carried out
        sa.Column("at", _SECONDS, nullable=False),
    )
    op.create_table(
        "feedback",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),  # of the finding
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),  # useful, wrong, later
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
    )
    op.create_index("feedback_one", "feedback", ["review", "fingerprint", "who"], unique=True)
    op.create_index("feedback_newest", "feedback", ["organisation", "id"])
    _webhooks()


def _webhooks() -> None:
    op.create_table(
        "webhooks",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("events", sa.Text, nullable=False),  # JSON: their names
        sa.Column("sealed_secret", sa.Text, nullable=False),
        sa.Column("is_active", sa.Integer, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),  # deliveries in a row that failed for good
        sa.Column("reason", sa.Text, nullable=False),  # why it was switched off; empty: it was not
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
    )
    op.create_index("webhooks_of_organisation", "webhooks", ["organisation", "created_at"])
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("webhook", sa.Text, nullable=False),
        sa.Column("event_id", sa.Text, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),  # JSON, as it is sent
        sa.Column("state", sa.Text, nullable=False),  # waiting, delivered, failed
        sa.Column("attempts", sa.BigInteger, nullable=False),
        sa.Column("status", sa.BigInteger),  # of the last answer; NULL: none came
        sa.Column("told", sa.Text, nullable=False),  # what came of the last attempt
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("changed_at", _SECONDS, nullable=False),
    )
    op.create_index("webhook_deliveries_one", "webhook_deliveries", ["webhook", "event_id"], unique=True)
    op.create_index("webhook_deliveries_by_age", "webhook_deliveries", ["created_at"])
