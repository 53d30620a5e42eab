"""Catalogues for the screens: a knowledge base with everything that is worth a word, and one of any size."""

from syncwizard.task.drafting.catalogue import (
    Catalogue,
    CatalogueObject,
    ColumnFacts,
    IndexFacts,
    RelationName,
    TableColumns,
    TableIndexes,
    Use,
)

DOCUMENTS = RelationName("kb", "documents")
ORDERS = RelationName("sales", "orders")

KNOWLEDGE_BASE = Catalogue(
    schemas=("archive", "kb", "sales"),
    objects=(
        CatalogueObject("table", "kb", "documents", 3_000, 286_720),
        CatalogueObject("table", "kb", "passages", 12_400_000, 21_300_000_000, ("embedding vector(384)",)),
        CatalogueObject("table", "kb", "query_log", None, 8_192, keyless=True),
        CatalogueObject("table", "kb", "cache", 40, 16_384, obstacle="unlogged"),
        CatalogueObject("view", "kb", "recent"),
        CatalogueObject("function", "kb", "touch"),
        CatalogueObject("sequence", "kb", "documents_id_seq", parent=DOCUMENTS),
        CatalogueObject("table", "sales", "orders", partitioned=True),
        CatalogueObject("table", "sales", "orders_2025", 800_000, 61_000_000, parent=ORDERS),
        CatalogueObject("table", "sales", "orders_2026", 120_000, 9_400_000, parent=ORDERS),
        CatalogueObject("table", "sales", "顧客", 10, 8_192),
        CatalogueObject("type", "sales", "currency"),
    ),
    columns=(
        TableColumns(
            DOCUMENTS,
            (
                ColumnFacts("id", "integer", of_key=True),
                ColumnFacts("title", "character varying(200)"),
                ColumnFacts("note", "text"),
                ColumnFacts("price", "numeric(8,2)"),
                ColumnFacts("search", "tsvector", computed=True),
            ),
        ),
        TableColumns(
            RelationName("kb", "passages"),
            (
                ColumnFacts("id", "bigint", of_key=True),
                ColumnFacts("document", "integer"),
                ColumnFacts("body", "text"),
                ColumnFacts("embedding", "public.vector(384)"),
            ),
        ),
    ),
    indexes=(
        TableIndexes(DOCUMENTS, (IndexFacts("documents_pkey", "btree", "id", True),)),
        TableIndexes(
            RelationName("kb", "passages"),
            (
                IndexFacts("passages_pkey", "btree", "id", True),
                IndexFacts("passages_nearest", "hnsw", "embedding"),
            ),
        ),
    ),
    uses=(
        Use("view", "kb", "recent", DOCUMENTS),
        Use("trigger", "kb", "touched", DOCUMENTS),
        Use("function", "kb", "touch", DOCUMENTS),
    ),
)


def large(count: int, schemas: int = 4) -> Catalogue:
    """So many tables in so many schemas, and a view over every twentieth."""
    names = tuple(f"schema_{number:02d}" for number in range(schemas))
    tables = tuple(
        CatalogueObject("table", names[number % schemas], f"table_{number:05d}", number * 3, number * 8192)
        for number in range(count - count // 20)
    )
    views = tuple(CatalogueObject("view", names[0], f"view_{number:05d}") for number in range(count // 20))
    uses = tuple(
        Use("view", view.schema, view.name, RelationName(table.schema, table.name))
        for view, table in zip(views, tables, strict=False)
    )
    return Catalogue(schemas=names, objects=(*tables, *views), uses=uses)
