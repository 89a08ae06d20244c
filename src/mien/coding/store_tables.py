"""The tables of the coding store, for SQLite and PostgreSQL alike.

Conventions: every table with rows of a participant has the columns `participant_id` ("sub-001") and `run`, so
that a withdrawal finds all of them. Times are texts, ISO 8601 in UTC. JSON is canonical text. `head` has one
row: the last number and time of the log, and the version of these tables.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)

SCHEMA = 1
"""Version of the tables; one more with every change of them."""

metadata = MetaData()


def _of_participant(*, key: bool, null: bool = False) -> tuple[Column[str], Column[int]]:
    return (
        Column("participant_id", String(64), primary_key=key, nullable=null),
        Column("run", Integer, primary_key=key, nullable=null, autoincrement=False),
    )


def _of_clip() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["participant_id", "run"], ["clips.participant_id", "clips.run"])


head = Table(
    "head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("schema_version", Integer, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at", String(32), nullable=False),
)

coders = Table(
    "coders",
    metadata,
    Column("label", String(32), primary_key=True),
    Column("name", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("token_hmac", String(64), nullable=False, unique=True),
)

sessions = Table(
    "sessions",
    metadata,
    Column("secret_hmac", String(64), primary_key=True),
    Column("label", String(32), ForeignKey("coders.label"), nullable=False),
    Column("expires_at", String(32), nullable=False),
)

clips = Table(
    "clips",
    metadata,
    *_of_participant(key=True),
    Column("stage", String(16), nullable=False),
    Column("version", Integer, nullable=False),
)

sheets = Table(
    "sheets",
    metadata,
    *_of_participant(key=True),
    Column("coder", String(32), primary_key=True),
    Column("assigned", Boolean, nullable=False),
    Column("state", String(8), nullable=False),
    Column("revealed", Boolean, nullable=False),
    Column("returned", Text),
    _of_clip(),
)

expressions = Table(
    "expressions",
    metadata,
    *_of_participant(key=True),
    Column("sheet", String(32), primary_key=True),
    # Part of the key with its sheet: another's expression cannot be met by guessing its id.
    Column("id", String(64), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("body", Text),  # none: deleted
    Column("who", String(32), nullable=False),
    Column("at", String(32), nullable=False),
    _of_clip(),
)

decisions = Table(
    "decisions",
    metadata,
    *_of_participant(key=True),
    Column("sheet", String(32), primary_key=True),
    Column("suggestion", String(200), primary_key=True),
    Column("decision", String(16), nullable=False),
    _of_clip(),
)

log = Table(
    "log",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", String(32), nullable=False),
    Column("who", String(32), nullable=False),
    *_of_participant(key=False, null=True),
    Column("sheet", String(32)),
    Column("what", String(32), nullable=False),
    Column("expression", String(64)),
    Column("version", Integer),
    Column("before_json", Text),
    Column("after_json", Text),
    Column("edit_key", String(64), unique=True),
    Column("edit_digest", String(64)),
    Column("clock_back_s", Float),
    Index("log_of_clip", "participant_id", "run", "seq"),
)

OF_PARTICIPANTS = (log, decisions, expressions, sheets, clips)
"""The tables a withdrawal empties, in an order that keeps what refers before what it refers to."""
