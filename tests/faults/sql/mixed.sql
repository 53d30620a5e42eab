-- What a database may hold, as far as every version from 10 on can: all kinds of types with their odd values, names that
-- need quotes, tables without a key, with REPLICA IDENTITY FULL, with identity columns, partitions, long values and
-- foreign keys, and objects beside the tables.
CREATE TYPE mood AS ENUM ('sad', 'so so', 'glad');
CREATE DOMAIN percentage AS numeric(5, 2) CHECK (VALUE BETWEEN 0 AND 100);
CREATE TYPE place AS (city text, at point);
CREATE SEQUENCE numbers;

CREATE TABLE kinds (
    id bigint PRIMARY KEY DEFAULT nextval('numbers'), small smallint, whole integer, exact numeric, scaled numeric(12, 4),
    single real, double double precision, cash money, words text, short varchar(20), fixed char(8), raw bytea,
    moment timestamp, moment_tz timestamptz, day date, hour time, hour_tz timetz, span interval, flag boolean, feeling mood,
    share percentage, home place, numbers int[], labels text[], feelings mood[], range int4range, period tstzrange,
    document json, tree jsonb, key uuid, address inet, network cidr, hardware macaddr, bits bit(5), more_bits bit varying,
    search tsvector, dot point, area box
);
INSERT INTO kinds (small, whole, exact, scaled, single, double, cash, words, short, fixed, raw, moment, moment_tz, day, hour,
                   hour_tz, span, flag, feeling, share, home, numbers, labels, feelings, range, period, document, tree, key,
                   address, network, hardware, bits, more_bits, search, dot, area)
SELECT i % 100, i * 7, CASE i % 4 WHEN 0 THEN 'NaN' ELSE (i / 7.0)::numeric(30, 15) END, i / 8.0, i / 3.0,
       CASE i % 5 WHEN 0 THEN 'Infinity' WHEN 1 THEN '-Infinity' WHEN 2 THEN 'NaN' ELSE i / 3::double precision END, i * 1.01,
       CASE i % 3 WHEN 0 THEN '' WHEN 1 THEN E'tab\tnew\nline \\ ''quote'' é漢' END, 'short ' || i, 'f' || i % 9,
       decode(md5(i::text), 'hex'),
       CASE i % 6 WHEN 0 THEN 'infinity' WHEN 1 THEN '0044-03-15 12:00 BC' ELSE timestamp '2020-01-01' + i * interval '1 s' END,
       timestamptz '2024-02-29 23:59:59.999999+05:45' + i * interval '1 h', date '2000-02-29' + i, time '00:00:00.000001',
       timetz '23:59:59+02', i * interval '1 month 2 days 3.5 s', i % 2 = 0,
       (ARRAY['sad', 'so so', 'glad'])[i % 3 + 1]::mood, i % 100, ('a "city"', point(i, -i))::place,
       ARRAY[i, NULL, -i], ARRAY['', NULL, 'a,b', '"', '\'], ARRAY['so so']::mood[], int4range(i, i + 10),
       tstzrange('2020-01-01', NULL), '{"a":  1, "a": 2}', jsonb_build_object('n', i, 'x', NULL),
       md5(i::text)::uuid, '10.0.0.1/24', '10.1.0.0/16', '08:00:2b:01:02:03', '10101', '1', to_tsvector('simple', 'a b ' || i),
       point(i, 1e-10), box(point(0, 0), point(i, i))
  FROM generate_series(1, 500) i;

CREATE SCHEMA "Odd ""Names";
CREATE TABLE "Odd ""Names"."Größe der Tür" ("select" int PRIMARY KEY, "Wert ü" text, "a.b" int);
INSERT INTO "Odd ""Names"."Größe der Tür" SELECT i, 'wert ' || i, i FROM generate_series(1, 100) i;

CREATE TABLE bag (note text, amount numeric);
INSERT INTO bag SELECT 'note ' || i % 20, i % 3 FROM generate_series(1, 100) i;

CREATE TABLE every_column (id int PRIMARY KEY, body text, n int);
ALTER TABLE every_column REPLICA IDENTITY FULL;
INSERT INTO every_column SELECT i, repeat(md5(i::text), 200), 0 FROM generate_series(1, 100) i;

CREATE TABLE numbered (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text NOT NULL, n int DEFAULT 0);
CREATE UNIQUE INDEX numbered_code ON numbered (code);
INSERT INTO numbered (code) SELECT 'code ' || i FROM generate_series(1, 300) i;

CREATE TABLE long_values (id int PRIMARY KEY, version int, body text);
ALTER TABLE long_values ALTER body SET STORAGE EXTERNAL;
INSERT INTO long_values SELECT i, 0, repeat(md5(i::text), 190) FROM generate_series(1, 800) i;

CREATE TABLE parents (id int PRIMARY KEY, name text);
CREATE TABLE children (
    id int, parent int NOT NULL REFERENCES parents ON DELETE CASCADE ON UPDATE CASCADE, n int, PRIMARY KEY (parent, id)
);
INSERT INTO parents SELECT i, 'parent ' || i FROM generate_series(1, 100) i;
INSERT INTO children SELECT i, i % 100 + 1, i FROM generate_series(1, 400) i;

CREATE TABLE parts (id int NOT NULL, region text NOT NULL, n int) PARTITION BY LIST (region);
CREATE TABLE parts_north PARTITION OF parts FOR VALUES IN ('north');
CREATE TABLE parts_south PARTITION OF parts FOR VALUES IN ('south');
ALTER TABLE parts_north ADD PRIMARY KEY (id);
ALTER TABLE parts_south ADD PRIMARY KEY (id);
INSERT INTO parts SELECT i, CASE i % 2 WHEN 0 THEN 'north' ELSE 'south' END, 0 FROM generate_series(1, 300) i;

CREATE TABLE emptied (id int PRIMARY KEY, n int);
INSERT INTO emptied SELECT i, i FROM generate_series(1, 50) i;

CREATE TABLE audited (id int PRIMARY KEY, n int, touched int DEFAULT 0);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.touched := OLD.touched + 1; RETURN NEW; END';
CREATE TRIGGER touching BEFORE UPDATE ON audited FOR EACH ROW EXECUTE PROCEDURE touch();
INSERT INTO audited SELECT i, 0 FROM generate_series(1, 50) i;

CREATE INDEX kinds_partly ON kinds (whole DESC, lower(words)) WHERE flag;
CREATE INDEX kinds_tree ON kinds USING gin (tree);
CREATE VIEW glad AS SELECT id, words FROM kinds WHERE feeling = 'glad';
CREATE MATERIALIZED VIEW sums AS SELECT feeling, count(*) AS n FROM kinds GROUP BY feeling;
CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2 * n';
CREATE AGGREGATE total (int) (SFUNC = int4pl, STYPE = int, INITCOND = '0');
CREATE STATISTICS kinds_related (dependencies) ON small, whole FROM kinds;
COMMENT ON TABLE kinds IS 'of every kind';
