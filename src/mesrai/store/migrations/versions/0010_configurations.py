"""Configuration that is saved on the pages."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "configurations",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("repository", sa.Text, primary_key=True),  # in small letters; empty: the whole organisation's
        sa.Column("folder", sa.Text, primary_key=True),  # empty: the whole repository's
        sa.Column("text", sa.Text, nullable=False),  # YAML, as in a policy file; empty: nothing yet
        sa.Column("changed_at", sa.Double(), nullable=False),  # seconds since the epoch
        sa.Column("changed_by", sa.Text, nullable=False),
    )
