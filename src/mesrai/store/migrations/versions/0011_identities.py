"""An identity at a provider is one account's only."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    is_set = sa.text("subject <> ''")
    op.create_index(
        "people_by_subject", "people", ["subject"], unique=True, sqlite_where=is_set, postgresql_where=is_set
    )
