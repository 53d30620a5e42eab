"""Which statements of a dump a task wants, by the objects they make or speak of."""

from collections.abc import Collection, Mapping

import msgspec

from syncwizard.structure.needs import Needs
from syncwizard.structure.statements import Kind, Statement
from syncwizard.task.mapping import Mapping as Names
from syncwizard.task.names import FunctionName, ObjectName, TableName

# Definitions that belong to a table but are for a later release of ours.
LATER: frozenset[Kind] = frozenset({"policy", "row security"})
# What a comment or privilege speaks of, in the parser's words, as the kind of the statement that makes it.
KINDS_OF_WORDS: Mapping[str, Kind] = {
    "aggregate": "aggregate",
    "collation": "collation",
    "operator": "operator",
    "opclass": "operator class",
    "opfamily": "operator family",
    "tsconfiguration": "text search configuration",
    "tsdictionary": "text search dictionary",
}


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan is made for.

    `keys`: the index or constraint that is the apply key of each table. `own_identities`: tables whose replica
    identity is ours for the time being. `existing`: tables the destination has, by its names, and keeps as they are;
    `present`: types, functions and the like that it has; `mapping` gives those names; `roles` it has. `foreign_keys`
    False leaves all of them out, for `no_foreign_keys`; `unchecked_on_partitioned`: the destination takes them NOT
    VALID on partitioned tables too; `quiet` False: triggers and rules would fire while changes are
    applied, and are disabled. `whole_schemas`: where everything is selected, so that what is left out there is worth
    saying. `database_comment` is a statement, empty without one; `owners` has those that give functions to other
    owners. `existing_columns`: those of the existing tables, by the source's names of these. `housed`: partitions
    whose rows go to a table that the destination has, and that has no partitions. `others`: tables of the task that the
    needs are not about: they are at the destination already.
    """

    needs: Needs
    others: frozenset[TableName] = frozenset()
    keys: Mapping[TableName, str] = {}
    own_identities: Collection[TableName] = frozenset()
    existing: Collection[TableName] = frozenset()
    present: Collection[ObjectName | FunctionName] = frozenset()
    mapping: Names = Names()
    roles: Collection[str] = frozenset()
    whole_schemas: Collection[str] = frozenset()
    foreign_keys: bool = True
    unchecked_on_partitioned: bool = False
    no_foreign_keys: str = ""
    quiet: bool = True
    database_comment: str = ""
    owners: Mapping[FunctionName, str] = {}
    existing_columns: Mapping[TableName, tuple[str, ...]] = {}
    housed: Collection[TableName] = frozenset()

    def has(self, name: ObjectName | FunctionName) -> bool:
        """Whether the destination has the type, function or the like already."""
        if isinstance(name, FunctionName):
            return self.mapping.function(name) in self.present
        return self.mapping.sequence(name, self.needs.sequence_owners.get(name)) in self.present


def wanted(statement: Statement, wishes: Wishes) -> bool:
    """Whether the statement makes something that the task's objects are or need."""
    needs = wishes.needs
    name = statement.name
    match statement.kind:
        case "type" | "domain constraint":
            return name in needs.types and not wishes.has(name)
        case "function":
            return statement.function in needs.functions and not wishes.has(statement.function)
        case "sequence":
            return name in needs.sequences and not wishes.has(name)
        case "sequence owner":
            return name in needs.sequences and creates(statement.table, wishes)
        case "view" | "materialized view":
            return _view_wanted(name, wishes)
        case "trigger" | "rule":
            return belongs_to_whole(statement.kind, name, statement.table, wishes)
        case "comment" | "privilege" | "extension dependency":
            return _remark_wanted(statement, wishes)
        case "foreign key" if statement.table in wishes.others:
            # Of a table that the task has, to one that joins.
            return wishes.foreign_keys and statement.references in needs.tables
        case "index partition" | "index setting":
            # Decided with the index, when all of those are known.
            return True
        case "partition":
            parent = statement.parent
            return (
                creates(statement.table, wishes)
                and parent is not None
                and TableName(parent.schema, parent.name) in needs.all_tables
            )
        case "schema" | "extension" | "other":
            return False
        case "statistics" if statement.table is None:
            return True
        case "replica identity" if statement.table in wishes.own_identities:
            # The source has it only while the task runs.
            return False
        case kind if kind in LATER:
            return False
    if statement.table is not None:
        return creates(statement.table, wishes) or of_view(statement.table, wishes)
    return (statement.kind, name) in needs.others and not wishes.has(name)


def creates(table: TableName | None, wishes: Wishes) -> bool:
    """Whether the task creates this table."""
    if table is None or table not in wishes.needs.all_tables or table in wishes.housed:
        return False
    return not has_table(table, wishes)


def has_table(table: TableName, wishes: Wishes) -> bool:
    """Whether the destination has the table already and keeps it as it is."""
    return wishes.mapping.table(table) in wishes.existing


def of_view(table: TableName | None, wishes: Wishes) -> bool:
    """Whether it is a view that the task creates: views have columns, triggers, and indexes when materialized."""
    return table is not None and _view_wanted(ObjectName(table.schema, table.name), wishes)


def _view_wanted(name: ObjectName, wishes: Wishes) -> bool:
    return name in wishes.needs.views and not wishes.has(name)


def belongs_to_whole(kind: str, name: ObjectName, table: TableName | None, wishes: Wishes) -> bool:
    """Triggers and rules come with tables of whole schemas and with views, unless they are left out."""
    if table is None or (kind, name, table) in wishes.needs.without:
        return False
    if of_view(table, wishes):
        return True
    return creates(table, wishes) and table.schema in wishes.whole_schemas


def _remark_wanted(statement: Statement, wishes: Wishes) -> bool:
    """A comment goes with its object, a privilege too when its schema is selected whole."""
    name, word = statement.name, statement.method
    if statement.kind == "privilege" and (name.schema or name.name) not in wishes.whole_schemas:
        return False
    if word == "schema":
        return name.name in wishes.whole_schemas
    if word in ("trigger", "rule"):
        return belongs_to_whole(word, name, statement.table, wishes)
    if word == "policy":
        return False
    if word in ("index", "statistic_ext"):
        return True
    if word in ("function", "procedure", "routine"):
        return statement.function in wishes.needs.functions and not wishes.has(statement.function)
    if word in KINDS_OF_WORDS:
        return (KINDS_OF_WORDS[word], name) in wishes.needs.others and not wishes.has(name)
    as_table = statement.table or TableName(name.schema, name.name)
    if creates(as_table, wishes) or of_view(as_table, wishes):
        return True
    # Composite types have columns as well.
    subject = ObjectName(as_table.schema, as_table.name)
    return subject in wishes.needs.described and not wishes.has(subject)
