"""The tables of the index of facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = 3
"""Of the tables and of what is in them; an index of another version is made anew."""
metadata = MetaData()

runs = Table(
    "runs",
    metadata,
    Column("run", Text, primary_key=True),
    Column("problem", Text, nullable=False),  # why it says nothing; empty when it was read
)
subjects = Table(
    "subjects",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sample", Text, nullable=False),
    Column("run", Text),  # none for the sample as a whole
    Column("time", Float, nullable=False),
    UniqueConstraint("sample", "run"),
)
Index("subjects_time", subjects.c.time)
parts = Table(
    "parts",
    metadata,
    Column("whole", Integer, ForeignKey(subjects.c.id), primary_key=True),
    Column("part", Integer, ForeignKey(subjects.c.id), primary_key=True),  # a run of it or of what it was made from
    sqlite_with_rowid=False,
)
Index("parts_part", parts.c.part)
keys = Table(
    "keys",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", Text, nullable=False, unique=True),
    Column("unit", Text),  # none until a number was seen
    Column("of_runs", Boolean, nullable=False),
    Column("of_samples", Boolean, nullable=False),
)
facts = Table(
    "facts",
    metadata,
    Column("subject", Integer, ForeignKey(subjects.c.id), primary_key=True),
    Column("key", Integer, ForeignKey(keys.c.id), primary_key=True),
    Column("number", Float),
    Column("text", Text),
    sqlite_with_rowid=False,
)
Index("facts_number", facts.c.key, facts.c.number, sqlite_where=facts.c.number.is_not(None))
Index("facts_text", facts.c.key, facts.c.text, sqlite_where=facts.c.text.is_not(None))
said = Table(
    "said",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("sample", Text, index=True),
    Column("run", Text, index=True),
    Column("entry", Text, nullable=False),  # the register's line
)
lineage = Table(
    "lineage",
    metadata,
    Column("child", Text, primary_key=True),
    Column("parent", Text, primary_key=True, index=True),
)
state = Table("state", metadata, Column("name", Text, primary_key=True), Column("value", Integer, nullable=False))


def tuples(db: Connection, query: Select[Any], values: Mapping[str, Any] | None = None) -> Sequence[tuple[Any, ...]]:
    """Return a query's rows as the database's driver gives them: SQLAlchemy's own rows take three times as long."""
    cursor = db.execute(query, dict(values or {})).cursor
    return () if cursor is None else cursor.fetchall()
