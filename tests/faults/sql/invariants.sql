-- Every rule that holds in every snapshot of the source: name, whether it holds, and what is there instead.
SELECT 'balances of accounts and vaults cancel out', total = 0, total::text
FROM (SELECT (SELECT sum(balance) FROM accounts) + (SELECT sum(balance) FROM vaults) AS total) AS found
UNION ALL
SELECT 'entries are 1 to n and add up to their account', count(*) = 0, min(found::text)
FROM (
    SELECT a.id, a.balance, a.entries, e.*
    FROM accounts AS a
    LEFT JOIN (
        SELECT account, count(*) AS entries_there, max(position) AS last, sum(amount) AS amount
        FROM entries GROUP BY account
    ) AS e ON e.account = a.id
    WHERE a.entries <> coalesce(entries_there, 0) OR a.entries <> coalesce(last, 0)
       OR a.balance <> 1000 + coalesce(amount, 0) OR a.doubled <> a.balance * 2
) AS found
UNION ALL
SELECT 'there are 100 accounts and 10 vaults', accounts = 100 AND vaults = 10, accounts || ', ' || vaults
FROM (SELECT (SELECT count(*) FROM accounts) AS accounts, (SELECT count(*) FROM vaults) AS vaults) AS found
UNION ALL
SELECT 'each of 200 slots has one place', places = 200 AND slots = 200, places || ' places, ' || slots || ' slots'
FROM (SELECT count(*) AS places, count(DISTINCT slot) AS slots FROM places) AS found
UNION ALL
SELECT 'the body of a place is that of its revision', count(*) = 0, min(id || ' revision ' || revision)
FROM places WHERE body <> repeat(md5(slot || ':' || revision), 150)
UNION ALL
SELECT 'the log has as many lines as were counted', lines = counted, lines || ' of ' || counted
FROM (
    SELECT (SELECT count(*) FROM lines) AS lines, (SELECT value FROM counters WHERE name = 'lines') AS counted
) AS found
UNION ALL
-- A snapshot older than a TRUNCATE sees the table empty, as on any server: its catalogue tells which file it knew.
SELECT 'the batch has as many rows as were counted', rows = counted OR (rows = 0 AND known <> current),
       rows || ' of ' || counted || ', file ' || known || ' now ' || current
FROM (
    SELECT (SELECT count(*) FROM batch) AS rows, (SELECT value FROM counters WHERE name = 'batch') AS counted,
           (SELECT relfilenode FROM pg_class WHERE oid = 'batch'::regclass) AS known,
           pg_relation_filenode('batch') AS current
) AS found
UNION ALL
SELECT 'seats have each position and each rank once', count(*) = 100 AND count(DISTINCT position) = 100
       AND count(DISTINCT rank) = 100 AND min(position) = 1 AND max(rank) = 100,
       count(*) || ' seats, ' || count(DISTINCT position) || ' positions, ' || count(DISTINCT rank) || ' ranks'
FROM seats
UNION ALL
SELECT 'parcels keep number and weight on their way', count(*) = 200 AND sum(weight) = 20100,
       count(*) || ' parcels of ' || sum(weight)
FROM parcels
UNION ALL
SELECT 'walls keep number and weight on their way', count(*) = 200 AND sum(weight) = 20100,
       count(*) || ' walls of ' || sum(weight)
FROM walls
UNION ALL
SELECT 'day and night cancel out, and have no row of the other', total = 0 AND labels = 2, total || ', ' || labels
FROM (
    SELECT (SELECT sum(value) FROM day) + (SELECT sum(value) FROM night) AS total,
           (SELECT count(DISTINCT split_part(label, ' ', 1)) FROM day)
           + (SELECT count(DISTINCT split_part(label, ' ', 1)) FROM night) AS labels
) AS found
UNION ALL
SELECT 'embeddings are those of their version', count(*) = 0, min(id || ' version ' || version)
FROM vectors WHERE embedding::text <> format('[%s,%s,%s]', id, version, id)
