"""The cases of the types matrix: a column each, with values at the edges of what the type can hold.

Values are SQL expressions; NULL comes with every case. `needs` says what a case needs: `vector` pgvector, `contrib` a
server with its extensions, ICU and libxml, `new` PostgreSQL 18 at both ends, `text` a table or task whose values travel
as text: types without binary functions, and those whose values mean something in one database only.
"""

from typing import NamedTuple

# A schema that needs quoting in every way.
MINE = '"types of ""mine""."'

# Created at both ends, at the destination after other types, so that OIDs differ.
DEFINITIONS = """
CREATE SCHEMA MINE;
CREATE SCHEMA other_types;
CREATE TYPE MINE.mood AS ENUM ('sad', 'it''s "fine"', 'comma, and \\');
ALTER TYPE MINE.mood ADD VALUE 'first' BEFORE 'sad';
CREATE TYPE other_types.mood AS ENUM ('sad', 'glad');
CREATE DOMAIN MINE.amount AS numeric(12, 3) CHECK (VALUE > -1000);
CREATE DOMAIN MINE."price {0} %s" AS MINE.amount;
CREATE DOMAIN other_types.moods AS other_types.mood[];
CREATE TYPE other_types.item AS (n int, dropped text, label text, price numeric, mood other_types.mood);
ALTER TYPE other_types.item DROP ATTRIBUTE dropped;
CREATE TYPE other_types.line AS (items other_types.item[], "Nöte" varchar(20));
CREATE DOMAIN other_types.checked_item AS other_types.item CHECK ((VALUE).n > 0);
CREATE TYPE other_types.floats AS RANGE
    (subtype = float8, subtype_diff = float8mi, multirange_type_name = other_types.floatses);
CREATE TYPE other_types.texts AS RANGE (subtype = text, collation = "C");
CREATE DOMAIN other_types.small_range AS int4range;
CREATE FUNCTION other_types.is_even(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT $1 % 2 = 0';
CREATE DOMAIN other_types.even AS int CHECK (other_types.is_even(VALUE));
CREATE TABLE other_types.stock (n int, gone int, label text); ALTER TABLE other_types.stock DROP gone;
""".replace("MINE", MINE)
# With pgvector.
VECTOR_DEFINITIONS = "CREATE DOMAIN other_types.embedding AS vector(3) CHECK (VALUE <> '[0,0,0]');"
# With the extensions and libraries of a whole installation.
CONTRIB_DEFINITIONS = """
CREATE EXTENSION citext; CREATE EXTENSION hstore; CREATE EXTENSION ltree; CREATE EXTENSION cube; CREATE EXTENSION isn;
CREATE EXTENSION seg; CREATE EXTENSION lo; CREATE EXTENSION earthdistance;
CREATE COLLATION public.ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
"""


class Case(NamedTuple):
    """A column type and its values."""

    name: str
    type: str
    values: tuple[str, ...]
    needs: str = ""


def _strings(*values: str) -> tuple[str, ...]:
    return tuple("'" + value.replace("'", "''") + "'" for value in values)


NUMBERS = [
    Case("int2", "int2", _strings("-32768", "32767", "0")),
    Case("int4", "int4", _strings("-2147483648", "2147483647")),
    Case("int8", "int8", _strings("-9223372036854775808", "9223372036854775807")),
    Case(
        "numeric",
        "numeric",
        (
            *_strings("NaN", "Infinity", "-Infinity", "1e-16383", "0.00000000000000006938893903907228", "1.0", "1.00"),
            "repeat('9', 131072)::numeric",
        ),
    ),
    Case("numeric scale 500", "numeric(1000,500)", ("repeat('7', 500)::numeric", "'1e-500'", "'NaN'")),
    Case("numeric negative scale", "numeric(3,-2)", ("12345", "-99900", "0")),
    Case("float4", "float4", _strings("NaN", "Infinity", "-Infinity", "-0", "1e-45", "3.4028235e38", "0.1")),
    Case(
        "float8",
        "float8",
        (*_strings("NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e308"), "0.1::float8 + 0.2"),
    ),
    Case("money", "money", _strings("-92233720368547758.08", "92233720368547758.07", "0.01")),
    Case("bool", "bool", ("true", "false")),
]

STRINGS = [
    Case(
        "text",
        "text",
        _strings("", " ", "\\N", "\\.", "a\tb\nc\rd\be", "\U0010ffff", "e\u0301 é", "NULL", '"', "it's {0} %s $1"),
    ),
    Case("text C", 'text COLLATE "C"', _strings("a", "B", "ä")),
    Case("varchar", "varchar", _strings("", "x  ", "ü")),
    Case("varchar 3", "varchar(3)", _strings("", "äöü", "a  ")),
    Case("char 5", "char(5)", _strings("", "ab", "äöüßé", "a b")),
    Case("char 1", "char", _strings("x", "")),
    Case("bpchar", "bpchar", _strings("x  ", "")),
    Case("single byte", '"char"', _strings("a", "", "\\200", "\\")),
    Case("name", "name", _strings("n", "x" * 63, "with space")),
    Case("bytea", "bytea", ("''", "'\\x00'", "E'\\\\x5c00ff'", "decode(repeat('00ff', 3000), 'hex')")),
    Case("citext", "public.citext", _strings("Ab", "aB", ""), "contrib"),
    Case("icu", 'text COLLATE "de-x-icu"', _strings("ä", "z"), "contrib"),
    Case("non-deterministic", "text COLLATE public.ignore_case", _strings("Ab", "aB", ""), "contrib"),
    Case("xml", "xml", _strings("<?xml version=\"1.0\"?><a b='1'>ä</a>", "<a/><b/>", "text", "<!-- c -->"), "contrib"),
    Case("xml encoding", "xml", _strings('<?xml version="1.0" encoding="UTF-8"?><a>ü</a>', "<x/>"), "contrib"),
]

TIMES = [
    Case("date", "date", _strings("infinity", "-infinity", "4713-01-01 BC", "5874897-12-31", "2000-01-01")),
    Case(
        "timestamp",
        "timestamp",
        _strings("infinity", "-infinity", "0001-01-01 BC", "294276-12-31 23:59:59.999999", "2026-03-29 02:30"),
    ),
    Case("timestamp 0", "timestamp(0)", _strings("2026-01-01 00:00:00.5", "infinity")),
    Case(
        "timestamptz",
        "timestamptz",
        _strings("infinity", "-infinity", "4713-01-01 00:00+00 BC", "294276-12-31 23:59:59.999999+00"),
    ),
    Case("time", "time", _strings("24:00", "00:00:00.000001", "23:59:59.999999")),
    Case("timetz", "timetz", _strings("24:00+15:59", "00:00-15:59", "12:00:00.5+02")),
    Case(
        "interval",
        "interval",
        _strings("178000000 years", "-1 mon +1 day -00:00:00.000001", "0", "-178000000 years", "25:00"),
    ),
    Case("interval fields", "interval day to second(2)", _strings("1 day 02:03:04.567", "0")),
    Case("interval infinity", "interval", _strings("infinity", "-infinity", "1 day"), "new"),
]

OBJECTS = [
    Case("uuid", "uuid", _strings("00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff")),
    Case("json", "json", _strings('{"a": 1, "a":  2}', "1e400", '"\\u0000"', "null", " [1 ,2] ", '"\\ud83d\\ude00"')),
    Case("jsonb", "jsonb", _strings('{"a": 1.10, "b": [1E-1000, -0]}', "null", '"\\\\"', "{}", "1e400", '"ä\\n"')),
    Case("jsonpath", "jsonpath", _strings("$.a[*] ? (@ > 1)", 'strict $."b c"')),
    Case("inet", "inet", _strings("::ffff:1.2.3.4/128", "10.1.2.3/8", "10.1.2.3", "::/0", "fe80::1")),
    Case("cidr", "cidr", _strings("10.0.0.0/8", "2001:db8::/32", "0.0.0.0/0")),
    Case("macaddr", "macaddr", _strings("08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff")),
    Case("macaddr8", "macaddr8", _strings("08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00")),
    Case("bit 1", "bit(1)", ("B'1'", "B'0'")),
    Case("bit", "bit", ("B'1'", "B'0'")),
    Case("bit 64000", "bit(64000)", ("repeat('10', 32000)::bit(64000)", "0::bit(64000)")),
    Case("bit 9", "bit(9)", ("B'101010101'", "B'000000001'")),
    Case("varbit", "varbit", ("B''", "B'1'", "repeat('10', 5000)::varbit")),
    Case("varbit 12", "varbit(12)", ("B''", "B'110011001100'")),
    Case("point", "point", _strings("(NaN,Infinity)", "(-0,1e-300)", "(1.5,2)")),
    Case("line", "line", _strings("{1,-1,0}", "{0,1,-2.5}")),
    Case("lseg", "lseg", _strings("[(0,0),(1,1)]", "[(1e10,-1),(0,0)]")),
    Case("box", "box", _strings("(2,2),(0,0)", "(0.1,0.2),(-0.1,-0.2)")),
    Case("path", "path", _strings("[(0,0),(1,1),(2,0)]", "((0,0),(1,1),(2,0))")),
    Case("polygon", "polygon", _strings("((0,0),(1,1),(2,0))", "((0,0))")),
    Case("circle", "circle", _strings("<(0,0),0>", "<(1.5,-2),1e10>")),
    Case("tsvector", "tsvector", _strings("'it''s':1A,2B 'a b':3C,16383 plain", "", "x:5")),
    Case("tsquery", "tsquery", _strings("a & !b:A* <2> 'c d'", "x")),
    Case("pg_lsn", "pg_lsn", _strings("0/0", "FFFFFFFF/FFFFFFFF")),
    Case("xid8", "xid8", _strings("18446744073709551615", "0")),
    Case("xid", "xid", _strings("4294967295", "3")),
    Case("cid", "cid", _strings("7")),
    Case("tid", "tid", _strings("(4294967295,65535)", "(0,1)")),
    Case("pg_snapshot", "pg_snapshot", _strings("10:20:10,14,15", "1:1:")),
    Case("refcursor", "refcursor", _strings("my cursor")),
    Case("hstore", "public.hstore", _strings('a=>NULL, "b c"=>"d\\"e"', ""), "contrib"),
    Case("hstore array", "public.hstore[]", ("ARRAY['a=>1', NULL]::public.hstore[]",), "contrib"),
    Case("ltree", "public.ltree", _strings("Top.Science.Astronomy", ""), "contrib"),
    Case("lquery", "public.lquery", _strings("Top.*{1,2}.!a|b"), "contrib"),
    Case("cube", "public.cube", _strings("(1,2),(3,4)", "(0)"), "contrib"),
    Case("isbn", "public.isbn", _strings("978-0-393-04002-9"), "contrib text"),
    Case("ean13", "public.ean13", _strings("220-035-662-6055", "2200356626054!"), "contrib text"),
    Case("upc", "public.upc", _strings("220356626055!"), "contrib text"),
    Case("lo", "public.lo", _strings("4711", "0"), "contrib text"),
    Case("earth", "public.earth", ("public.ll_to_earth(10, 20)",), "contrib"),
    Case("xml array", "xml[]", _strings("{<a/>,NULL}"), "contrib"),
    Case("citext array", "public.citext[]", _strings("{Ab,NULL}"), "contrib"),
    Case("seg", "public.seg", _strings("1.50 .. 2", "~3.0"), "contrib text"),
]

VECTORS = [
    Case("vector 3", "vector(3)", _strings("[0,0,0]", "[-0,3.4028235e38,1e-45]", "[1,2,3]")),
    Case("vector 1", "vector(1)", _strings("[0.1]", "[-1]")),
    Case(
        "vector 2000", "vector(2000)", ("array_fill(0.1, ARRAY[2000])::vector", "array_fill(-2, ARRAY[2000])::vector")
    ),
    Case("vector", "vector", ("'[1]'", "'[1,2,3,4]'", "array_fill(0.5, ARRAY[16000])::vector")),
    Case("vector array", "vector(2)[]", ("ARRAY['[1,2]', NULL, '[3,4]']::vector(2)[]", "'{}'")),
    Case("vector plain", "vector(300) STORAGE PLAIN", ("array_fill(0.25, ARRAY[300])::vector",)),
    Case("vector domain", "other_types.embedding", _strings("[1,2,3]")),
    Case("vector domain array", "other_types.embedding[]", ("ARRAY['[1,2,3]', NULL]::other_types.embedding[]",)),
    Case("halfvec array", "halfvec(2)[]", ("ARRAY['[1,-0]', NULL]::halfvec(2)[]",)),
    Case("sparsevec array", "sparsevec[]", ("ARRAY['{1:1}/9', NULL]::sparsevec[]",)),
    Case("halfvec", "halfvec(3)", _strings("[65504,5.9604645e-08,-0]", "[1,2,3]")),
    Case("halfvec any", "halfvec", _strings("[1]", "[1,2]")),
    Case("sparsevec 5", "sparsevec(5)", _strings("{}/5", "{1:1.5,5:-2}/5")),
    Case("sparsevec", "sparsevec", _strings("{1:1}/1000000000", "{3:1e-45}/3")),
    Case("bit vector", "bit(64)", ("repeat('10', 32)::bit(64)", "repeat('01', 32)::bit(64)")),
]

BUILT = [
    Case("int array", "int[]", _strings("{}", "{NULL}", "[0:2]={1,2,3}", "{{1,2},{3,4}}", "[-1:0][5:6]={{1,2},{3,4}}")),
    Case("6-D array", "int2[]", _strings("{{{{{{1},{2}}}}}}", "{}")),
    Case("text array", "text[]", _strings('{"NULL",""}', '{NULL,"a\\"b","c\\\\d","e,f"," "}', "{ä}")),
    Case("char array", "char(3)[]", _strings("{a,NULL}", "{}")),
    Case("box array", "box[]", _strings("{(1,1),(0,0);(2,2),(1,1)}", "{}")),
    Case("numeric array", "numeric[]", _strings("{NaN,1.00,-Infinity}", "{}")),
    Case("float array", "float8[]", _strings("{NaN,-0,Infinity}")),
    Case("timestamptz array", "timestamptz[]", _strings('{infinity,"2026-01-01 00:00+00"}')),
    Case("uuid array", "uuid[]", _strings("{00000000-0000-0000-0000-000000000000,NULL}")),
    Case("interval array", "interval[]", _strings('{"-1 mon +1 day","00:00"}')),
    Case("name array", "name[]", _strings('{a,"with space"}')),
    Case("inet array", "inet[]", _strings("{10.0.0.1/8,::1}")),
    Case("timetz array", "timetz[]", _strings("{24:00+15:59}")),
    Case("bytea array", "bytea[]", ("ARRAY['\\x00', '']::bytea[]",)),
    Case("jsonb array", "jsonb[]", ("ARRAY['null', NULL, '{\"a\": \"b,c\"}']::jsonb[]",)),
    Case("bit array", "bit(2)[]", ("ARRAY[B'10', NULL]::bit(2)[]",)),
    Case("enum", f"{MINE}.mood", _strings("sad", "first", 'it\'s "fine"', "comma, and \\")),
    Case("enum array", f"{MINE}.mood[]", (f"ARRAY['first', NULL, 'it''s \"fine\"']::{MINE}.mood[]", "'{}'")),
    Case("enum of the same name", "other_types.mood", _strings("sad", "glad")),
    Case("domain", f"{MINE}.amount", _strings("1.500", "-999.999", "NaN")),
    Case("domain over domain", f'{MINE}."price {{0}} %s"', _strings("2.5", "1e8")),
    Case("domain with a function", "other_types.even", ("2", "-4")),
    Case("row of a table", "other_types.stock", ("ROW(1, 'a')", "ROW(NULL, NULL)")),
    Case("rows of a table", "other_types.stock[]", ("ARRAY[ROW(1, 'a')::other_types.stock, NULL]",)),
    Case("domain array", f"{MINE}.amount[]", _strings("{1.5,NULL}", "{}")),
    Case("domain over array", "other_types.moods", _strings("{sad,NULL}", "{}")),
    Case("composite", "other_types.item", ("ROW(1, 'a \"b\", (c)', 1.50, 'glad')", "ROW(NULL, '', NULL, NULL)")),
    Case(
        "nested composite",
        "other_types.line",
        (
            "ROW(ARRAY[ROW(1, 'x', 2.50, 'sad')::other_types.item, NULL], 'n')",
            "ROW(NULL, NULL)",
            "ROW('{}', repeat('y', 20))",
        ),
    ),
    Case("composite array", "other_types.item[]", ("ARRAY[ROW(2, NULL, 0, NULL)::other_types.item, NULL]", "'{}'")),
    Case("domain over composite", "other_types.checked_item", ("ROW(3, 'x', 1, 'sad')",)),
    Case("int4range", "int4range", _strings("empty", "(,)", "[1,5)", "[,7]", "(2147483646,)")),
    Case("numrange", "numrange", _strings("(1.0,1.50]", "[-Infinity,NaN)", "empty")),
    Case("tstzrange", "tstzrange", _strings("[2026-01-01 00:00+00,infinity)", "(-infinity,)", "empty")),
    Case("daterange", "daterange", _strings("[2026-01-01,2026-01-31]", "(infinity,)")),
    Case("own range", "other_types.floats", _strings("[-0,NaN]", "empty", "(,1.5)")),
    Case("text range", "other_types.texts", _strings('["a,b","c d"]', "empty")),
    Case("domain over range", "other_types.small_range", _strings("[1,2)", "empty")),
    Case("int4multirange", "int4multirange", _strings("{}", "{[1,3),[5,)}", "{(,)}")),
    Case("own multirange", "other_types.floatses", _strings("{}", "{[1,2],(3,4.5)}")),
    Case("int8range", "int8range", _strings("[-9223372036854775808,)", "empty")),
    Case("tsrange", "tsrange", _strings("[2026-01-01,infinity]", "(,)")),
    Case("nummultirange", "nummultirange", _strings("{[1.0,1.50),[2,NaN]}", "{}")),
    Case("tstzmultirange", "tstzmultirange", _strings("{[2026-01-01 00:00+00,2026-01-02 00:00+00)}")),
    Case("datemultirange", "datemultirange", _strings("{[2026-01-01,2026-02-01),(infinity,)}")),
    Case("range array", "tstzrange[]", ("ARRAY['[2026-01-01 00:00+00,)', 'empty']::tstzrange[]",)),
]

LOCAL = [
    Case("regclass", "regclass", _strings("public.pool", "pg_class"), "text"),
    Case("regtype", "regtype", _strings("int4[]", "other_types.item"), "text"),
    Case("regproc", "regproc", _strings("now"), "text"),
    Case("regprocedure", "regprocedure", _strings("lower(text)"), "text"),
    Case("regoper", "regoper", _strings("||/"), "text"),
    Case("regoperator", "regoperator", _strings("+(int4,int4)"), "text"),
    Case("regrole", "regrole", _strings("postgres"), "text"),
    Case("regnamespace", "regnamespace", _strings("other_types"), "text"),
    Case("regconfig", "regconfig", _strings("english", "simple"), "text"),
    Case("regdictionary", "regdictionary", _strings("simple"), "text"),
    Case("regcollation", "regcollation", ("'\"C\"'",), "text"),
    Case("regclass array", "regclass[]", _strings("{public.pool,NULL}"), "text"),
    Case("oid", "oid", _strings("4294967295", "0"), "text"),
    # Its empty value cannot be received in binary.
    Case("int2vector", "int2vector", _strings("1 2 -3", ""), "text"),
    Case("oidvector", "oidvector", _strings("1 2 3"), "text"),
    Case("aclitem", "aclitem", _strings("postgres=r/postgres", "=r*/postgres"), "text"),
    Case("aclitem array", "aclitem[]", _strings("{postgres=arwd/postgres}"), "text"),
]

CASES = [*NUMBERS, *STRINGS, *TIMES, *OBJECTS, *(case._replace(needs="vector") for case in VECTORS), *BUILT, *LOCAL]
