"""What a database's catalogue holds, for comparison before and after."""

from tests.support.pair import Session


def everything_in(session: Session) -> set[tuple[str, ...]]:
    """Each object, each table's replica identity, each schema, and the slots and publications of the database."""
    rows = session.execute("""
        SELECT 'object', pg_describe_object(classid, objid, objsubid) FROM pg_depend WHERE objid >= 16384
        UNION SELECT 'identity', relname || relreplident::text FROM pg_class WHERE relkind IN ('r', 'p')
        UNION SELECT 'namespace', nspname FROM pg_namespace WHERE nspname !~ '^pg_'
        UNION SELECT 'slot', slot_name FROM pg_replication_slots WHERE database = current_database()
        UNION SELECT 'publication', pubname FROM pg_publication
    """)
    return {tuple(map(str, row)) for row in rows}
