"""People: accounts, members, sessions, invitations, tokens, and failed attempts to sign in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_SECONDS: "sa.Double[float]" = sa.Double()  # since the epoch


def upgrade() -> None:
    """Make the tables of people."""
    _accounts()
    _ways_in()
    _tokens()


def _accounts() -> None:
    op.create_table(
        "people",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),  # in lower case
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("password", sa.Text, nullable=False),  # argon2id; empty: none, signs in elsewhere
        sa.Column("subject", sa.Text, nullable=False),  # at an identity provider: issuer and id; empty: none
        sa.Column("created_at", _SECONDS, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "members",
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("account", _ID, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("repositories", sa.Text, nullable=False),  # JSON: those a repository admin is responsible for
        sa.Column("since", _SECONDS, nullable=False),
        sa.PrimaryKeyConstraint("organisation", "account"),
    )


def _ways_in() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Text, primary_key=True),  # SHA-256 of the random word in the cookie
        sa.Column("account", _ID, nullable=False),
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("seen_at", _SECONDS, nullable=False),
        sa.Column("client", sa.Text, nullable=False),  # browser and address, for the person to recognise
    )
    op.create_index("sessions_of_account", "sessions", ["account"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text, primary_key=True),  # SHA-256 of the random word in the link
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),  # empty: whoever has the set-up code becomes the first owner
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("repositories", sa.Text, nullable=False),  # JSON
        sa.Column("by", sa.Text, nullable=False),
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("until", _SECONDS, nullable=False),
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", _ID, primary_key=True, autoincrement=True),
        sa.Column("secret", sa.Text, nullable=False, unique=True),  # SHA-256 of the token
        sa.Column("hint", sa.Text, nullable=False),  # its last letters
        sa.Column("organisation", sa.Text, nullable=False),
        sa.Column("account", _ID, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("rights", sa.Text, nullable=False),  # JSON: never more than its member has
        sa.Column("created_at", _SECONDS, nullable=False),
        sa.Column("until", _SECONDS, nullable=False),  # 0: no end
        sa.Column("used_at", _SECONDS, nullable=False),  # 0: never
        sqlite_autoincrement=True,
    )
    op.create_table(
        "attempts",
        sa.Column("what", sa.Text, primary_key=True),  # SHA-256 of an account or a network that failed to sign in
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("locked_until", _SECONDS, nullable=False),
        sa.Column("at", _SECONDS, nullable=False),  # of the last one
    )
