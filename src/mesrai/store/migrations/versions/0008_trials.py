"""What the last test of each model came to."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "trials",
        sa.Column("name", sa.Text, primary_key=True),  # the account's fingerprint and the model, as of outages
        sa.Column("at", sa.Double(), nullable=False),  # seconds since the epoch
        sa.Column("is_full", sa.Integer, nullable=False),  # 1: the model itself was asked
        sa.Column("is_failed", sa.Integer, nullable=False),
        sa.Column("told", sa.Text, nullable=False),  # what is wrong, in a sentence; empty: nothing
        sa.Column("facts", sa.Text, nullable=False),  # JSON: what the account said, a sentence each
        sa.Column("listed", sa.Text, nullable=False),  # JSON: the ids of models that the provider lists for the key
    )
