"""Memories: what reviewers are told to remember."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Make the table of memories."""
    op.create_table(
        "memories",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),  # empty: it holds in all of the organisation
        sa.Column("scope", sa.Text, nullable=False),  # as domain.memory.MemoryScope
        sa.Column("paths", sa.Text, nullable=False),  # JSON: patterns
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),  # as domain.memory.MemoryState
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),  # a comment's address; empty: none
        sa.Column("replaces", sa.BigInteger, nullable=False),  # another's id; 0: none
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("changed_at", _SECONDS, nullable=False),
        sa.Column("decided_by", sa.Text, nullable=False),  # empty: nobody had to
        sa.Column("decided_at", _SECONDS, nullable=False),  # 0: never
        sqlite_autoincrement=True,  # people name them by number: none is given twice
    )
    op.create_index("memories_of_repository", "memories", ["organisation", "state", "repository", "id"])
    has_origin = sa.text("origin <> ''")
    op.create_index(
        "memories_one_origin",
        "memories",
        ["organisation", "origin"],
        unique=True,  # a comment is remembered once
        sqlite_where=has_origin,
        postgresql_where=has_origin,
    )
