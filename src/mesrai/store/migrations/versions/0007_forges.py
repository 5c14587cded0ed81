"""How code hosts are reached, as saved on the pages, and the repositories there."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "forge_access",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column(
            "id", sa.Text, nullable=False, unique=True
        ),  # of this row, new with every change: secrets are bound to it
        sa.Column("host", sa.Text, nullable=False),  # such as github.com
        sa.Column("app_id", sa.Text, nullable=False),  # empty: a token is used
        sa.Column("login", sa.Text, nullable=False),  # who we are there
        sa.Column("sealed_key", sa.Text, nullable=False),  # an App's private key, or the token
        sa.Column("sealed_webhook_secret", sa.Text, nullable=False),  # empty: none
        sa.Column("updated_at", _SECONDS, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
    )
    op.create_table(
        "repositories",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),  # such as github.com/owner/name
        sa.Column("installation", sa.BigInteger),  # under which our App reaches it
        sa.Column("is_private", sa.Integer, nullable=False),
        sa.Column("is_reviewed", sa.Integer, nullable=False),  # 0: switched off here
        sa.Column("is_reached", sa.Integer, nullable=False),  # 0: it is gone, or the App was taken off it
        sa.Column("seen_at", _SECONDS, nullable=False),
    )
