"""What was spent, added up by day, review and model; and what lists and sums of reviews look things up in."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_KEY = ("organisation", "day", "review", "repository", "provider", "model", "currency")
_COUNTS = ("calls", "failures", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "nanos")
# The whole days since the epoch, by a way on which both engines agree: one of them rounds where the other cuts.
_DAY = "(CAST(at AS BIGINT) - CASE WHEN CAST(at AS BIGINT) > at THEN 1 ELSE 0 END) / 86400"
_FILL = f"""
    INSERT INTO spent (organisation, day, review, repository, provider, model, currency, last_at, calls, failures,
        input_tokens, cached_tokens, output_tokens, reasoning_tokens, nanos, unpriced)
    SELECT organisation, {_DAY}, review, repository, provider, model, currency, max(at), sum(calls), sum(is_failed),
        sum(input_tokens), sum(cached_tokens), sum(output_tokens), sum(reasoning_tokens), sum(coalesce(nanos, 0)),
        sum(CASE WHEN nanos IS NULL THEN calls ELSE 0 END)
    FROM spending WHERE is_settled = 1 GROUP BY 1, 2, 3, 4, 5, 6, 7
"""


def upgrade() -> None:
    """Make the table, and add up what was spent before."""
    op.create_table(
        "spent",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("day", sa.BigInteger, nullable=False),  # since the epoch, UTC
        *(sa.Column(name, sa.Text, nullable=False) for name in _KEY[2:]),  # empty, where a request was for no review
        sa.Column("last_at", sa.Double(), nullable=False),  # of the last request: seconds since the epoch
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
        sa.Column("unpriced", sa.BigInteger, nullable=False),  # calls whose cost is not known, which nanos leave out
        sa.PrimaryKeyConstraint(*_KEY),
        sqlite_with_rowid=False,
    )
    op.execute(_FILL)
    op.create_index("reviews_of_repositories", "reviews", ["organisation", "repository"])
    # What follows a long report in a row is slow to read: this index holds all that sums ask for.
    figures = ["outcome", "took_s", "failovers", "repository"]
    op.create_index("reviews_figures", "reviews", ["organisation", "created_at", *figures])
    op.create_index("audit_of_organisation", "audit", ["organisation", "id"])
