-- The first rows. Parameters: readings, files.
INSERT INTO accounts (balance) SELECT 1000 FROM generate_series(1, 100);
INSERT INTO vaults SELECT i, -10000 FROM generate_series(1, 10) i;
INSERT INTO places (id, slot, body) SELECT i, i, repeat(md5(i || ':0'), 150) FROM generate_series(1, 200) i;
INSERT INTO counters VALUES ('lines', 300), ('batch', 20);
INSERT INTO lines SELECT 'line ' || mod(i, 20), mod(i, 3) FROM generate_series(1, 300) i;
INSERT INTO batch SELECT i, 'first' FROM generate_series(1, 20) i;
INSERT INTO seats SELECT i, i, i FROM generate_series(1, 100) i;
INSERT INTO parcels SELECT i, (ARRAY['north', 'south', 'east'])[mod(i, 3) + 1], i FROM generate_series(1, 200) i;
INSERT INTO walls SELECT i, (enum_range(NULL::colour))[mod(i, 4) + 1], i FROM generate_series(1, 200) i;
INSERT INTO day SELECT i, 0, 'day ' || i FROM generate_series(1, 100) i;
INSERT INTO night SELECT i, 0, 'night ' || i FROM generate_series(1, 100) i;
INSERT INTO vectors SELECT i, 0, ARRAY[i, 0, i]::vector(3) FROM generate_series(1, 200) i;
INSERT INTO readings SELECT i, mod(i, 1000), 'reading ' || i FROM generate_series(1, %(readings)s) i;
INSERT INTO files (id, content) SELECT i, repeat(md5(i::text), 200) FROM generate_series(1, %(files)s) i;
