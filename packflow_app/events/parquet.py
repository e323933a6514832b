"""Events of Parquet files, read by DuckDB: each row an event, nested lists and structs included.

A raw event is the row as DuckDB writes it as JSON: Parquet has no text of its own. A NaN in a column is null, for that
is how data frames spell a missing number; one inside a list or struct, and an infinity, make the row a finding.
"""

from __future__ import annotations

import re
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from packflow_app.errors import NotFoundError
from packflow_app.events.decoding import BlockDecoder
from packflow_app.runtime import DEFAULT_LIMITS

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from packflow_app.events.profile import EventBlock
    from packflow_app.events.source import EventSource
    from packflow_app.runtime import Limits

_ROWS_A_BLOCK = 512
_FLOATS = ("FLOAT", "DOUBLE")
_SETTINGS = "SET threads = 1; SET memory_limit = '256MB'; SET autoinstall_known_extensions = false"


def parquet_blocks(source: EventSource, path: Path | None, limits: Limits = DEFAULT_LIMITS) -> Iterator[EventBlock]:
    """Yield blocks; positions are rows, from 1.

    The end of the file comes first, so that one which is compressed, or a pipe (``path`` None), is copied to a
    temporary file. Raises NotFoundError for a file that is damaged.
    """
    if path is not None:
        yield from _blocks(path, source.name, limits)
        return
    with tempfile.TemporaryDirectory(prefix="packflow-") as folder:
        copy = Path(folder, "events.parquet")
        with copy.open("wb") as file:
            while piece := source.read():
                file.write(piece)
        if source.damage is not None:
            raise _not_readable(source.name, source.damage[1])
        yield from _blocks(copy, source.name, limits)


def _blocks(path: Path, name: str, limits: Limits) -> Iterator[EventBlock]:
    import duckdb  # noqa: PLC0415 - 0.1 s, and only where there is Parquet

    decoder = BlockDecoder(limits)
    size = path.stat().st_size
    with closing(duckdb.connect(":memory:")) as connection:
        connection.execute(_SETTINGS)
        try:
            total, query = _query(connection, str(path))
            connection.execute(query, [str(path)])
            done = 0
            while rows := connection.fetchmany(_ROWS_A_BLOCK):
                positions = range(done + 1, done + 1 + len(rows))
                done += len(rows)
                yield decoder.block(positions, [text.encode() for (text,) in rows], size * done // max(1, total))
        except duckdb.Error as error:
            raise _not_readable(name, _reason(error).replace(str(path), name)) from None


def _query(connection: duckdb.DuckDBPyConnection, path: str) -> tuple[int, str]:
    """How many rows there are, and the query that gives each of them as JSON."""
    counted = connection.execute("SELECT count(*) FROM read_parquet(?)", [path]).fetchone()
    columns = connection.execute("DESCRIBE SELECT * FROM read_parquet(?)", [path]).fetchall()
    members = []
    for name, kind, *_ in columns:
        quoted = '"' + name.replace('"', '""') + '"'
        value = f"CASE WHEN NOT isnan({quoted}) THEN {quoted} END" if kind in _FLOATS else quoted
        key = "'" + name.replace("'", "''") + "'"
        members.append(f"{key}, {value}")
    query = f"SELECT json_object({', '.join(members)})::VARCHAR FROM read_parquet(?)"  # noqa: S608 - names are quoted
    return counted[0] if counted else 0, query


def _reason(error: duckdb.Error) -> str:
    """DuckDB's first line, without the class of the error before it."""
    line = str(error).partition("\n")[0]
    kind, _, reason = line.partition(" Error: ")
    return re.sub(r" (at end )?of file '.*'$", "", reason or kind)


def _not_readable(name: str, reason: str) -> NotFoundError:
    return NotFoundError(
        f"{name} cannot be read as Parquet: {reason.rstrip('.')}.",
        code="events-invalid",
        hint="Write the file again, or name one of JSON lines.",
    )
