"""Reading after another process's writes."""

from node.store.sqlite import SqliteStore
from tests.support.eventually import within
from tests.support.sql_writer import SqlWriter


async def fresh(store: SqliteStore, writer: SqlWriter) -> None:
    """Wait until the store shows all that is committed."""
    await within(store.wait_fresh(writer.last_notification()))
