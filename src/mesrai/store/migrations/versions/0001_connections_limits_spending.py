"""Connections with their sealed keys, audit, permits, outages, spending and budgets."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Make the first tables."""
    op.create_table(
        "connections",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("settings", sa.Text, nullable=False),  # JSON, without the key
        sa.Column("sealed_key", sa.Text),
        sa.Column("key_hint", sa.Text, nullable=False),
        sa.Column("updated_at", _SECONDS, nullable=False),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.UniqueConstraint("organisation", "slot"),
    )
    op.create_table(
        "audit",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("details", sa.Text, nullable=False),  # JSON
    )
    _permits()
    _limits()
    _spending()


def _permits() -> None:
    # On PostgreSQL, what is of use only while its process lives is not logged, so that no request waits for the disk.
    # After a crash of the server these tables are empty: the processes find their leases gone, and begin anew.
    unlogged = ["UNLOGGED"] if op.get_context().dialect.name == "postgresql" else []
    op.create_table(
        "holders",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("until", _SECONDS, nullable=False),
        prefixes=unlogged,
    )
    op.create_table(
        "permits",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),  # in the order they came
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False),  # the holder's own
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("concurrent", sa.BigInteger),  # its limits; NULL: none is known
        sa.Column("requests_per_minute", sa.BigInteger),
        sa.Column("tokens_per_minute", sa.BigInteger),
        sa.Column("tokens_per_day", sa.BigInteger),
        sa.Column("is_out", sa.Integer, nullable=False),  # 1: the request may be in flight; 0: it waits
        sa.UniqueConstraint("holder", "number"),
        prefixes=unlogged,
    )
    op.create_index("permits_of_account", "permits", ["account", "is_out"])
    op.create_table(
        "accounts",
        sa.Column("account", sa.Text, primary_key=True),
        sa.Column("reduced", sa.BigInteger),  # the cap after throttles; NULL: as set, and so are the next three
        sa.Column("reduced_from", sa.BigInteger),
        sa.Column("halved_at", _SECONDS),
        sa.Column("quiet_since", _SECONDS),
        prefixes=unlogged,
    )


def _limits() -> None:
    op.create_table(
        "admissions",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("account", sa.Text, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("is_for_day", sa.Integer, nullable=False, server_default="0"),  # 1: kept for a day, not a minute
    )
    op.create_index("admissions_of_account", "admissions", ["account", "at"])
    op.create_table(
        "outages",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("cause", sa.Text, nullable=False),  # the error's class
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.BigInteger),
        sa.Column("resets_at", sa.Text, nullable=False),
        sa.Column("since", _SECONDS, nullable=False),
        sa.Column("until", _SECONDS, nullable=False),
        sa.Column("failures", sa.BigInteger, nullable=False),
        sa.Column("probed_until", _SECONDS, nullable=False),  # one asker tries until then
    )


def _spending() -> None:
    op.create_table(
        "spending",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("at", _SECONDS, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("review", sa.Text, nullable=False),
        sa.Column("provider", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("is_settled", sa.Integer, nullable=False),  # 0: asked; nanos are the most it may cost
        sa.Column("is_failed", sa.Integer, nullable=False),  # 1: it gave no usable answer
        sa.Column("calls", sa.BigInteger, nullable=False),
        sa.Column("input_tokens", sa.BigInteger, nullable=False),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False),
        sa.Column("output_tokens", sa.BigInteger, nullable=False),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False),
        sa.Column("nanos", sa.BigInteger),  # money in billionths of the currency, so that sums are exact; NULL: unknown
        sa.Column("currency", sa.Text, nullable=False),
    )
    op.create_index("spending_of_organisation", "spending", ["organisation", "at"])
    op.create_index("spending_of_review", "spending", ["review"])
    running = sa.text("is_settled = 0")
    op.create_index("spending_reserved", "spending", ["organisation"], sqlite_where=running, postgresql_where=running)
    op.create_table(
        "months",  # what is settled, so that a budget need not add up a whole month before each request
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("since", _SECONDS, primary_key=True),  # the month's first moment, UTC
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("nanos", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "budgets",
        sa.Column("organisation", sa.Text, primary_key=True),
        sa.Column("review_nanos", sa.BigInteger),
        sa.Column("month_nanos", sa.BigInteger),
        sa.Column("currency", sa.Text, nullable=False),
    )
