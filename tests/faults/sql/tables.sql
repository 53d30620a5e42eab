-- Tables whose contents have a meaning that one query can check (invariants.sql), whatever moment it sees.

-- A transfer changes an account, a vault and appends an entry: the three agree in every snapshot.
CREATE TABLE accounts (
    id      int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    balance bigint NOT NULL DEFAULT 1000,
    entries int NOT NULL DEFAULT 0,
    doubled bigint GENERATED ALWAYS AS (balance * 2) STORED
);
CREATE TABLE vaults (
    id      int PRIMARY KEY,
    balance bigint NOT NULL
);
-- Per account numbered from 1 without gaps.
CREATE TABLE entries (
    account  int NOT NULL REFERENCES accounts,
    position int NOT NULL,
    amount   bigint NOT NULL,
    PRIMARY KEY (account, position)
);

-- Rows that change their key; `slot` says who they are, and `body`, out of line, belongs to slot and revision.
CREATE TABLE places (
    id       bigint PRIMARY KEY,
    slot     int NOT NULL,
    revision int NOT NULL DEFAULT 0,
    note     text,
    body     text NOT NULL,
    ticket   int GENERATED ALWAYS AS IDENTITY
);
ALTER TABLE places ALTER body SET STORAGE EXTERNAL;

-- How many rows the tables below hold, changed in the same transaction as they are.
CREATE TABLE counters (
    name  text PRIMARY KEY,
    value bigint NOT NULL
);
-- Without a key and full of equal rows.
CREATE TABLE lines (
    line  text,
    level numeric
);
-- Truncated and filled again.
CREATE TABLE batch (
    id      int PRIMARY KEY,
    content text
);

-- Rows that swap what is unique: in three steps, and in one under a deferrable constraint.
CREATE TABLE seats (
    id       int PRIMARY KEY,
    position int NOT NULL,
    rank     int NOT NULL UNIQUE DEFERRABLE INITIALLY IMMEDIATE
);
CREATE UNIQUE INDEX seats_position ON seats (position);

-- Rows that move between partitions.
CREATE TABLE parcels (
    id     int NOT NULL,
    region text NOT NULL,
    weight int NOT NULL,
    PRIMARY KEY (id, region)
) PARTITION BY LIST (region);
CREATE TABLE parcels_north PARTITION OF parcels FOR VALUES IN ('north');
CREATE TABLE parcels_south PARTITION OF parcels FOR VALUES IN ('south');
CREATE TABLE parcels_rest PARTITION OF parcels DEFAULT;

-- The same by a hash that is another in another database: that of OIDs.
CREATE TYPE colour AS ENUM ('red', 'green', 'blue', 'black');
CREATE TABLE walls (
    id     int NOT NULL,
    colour colour NOT NULL,
    weight int NOT NULL,
    PRIMARY KEY (id, colour)
) PARTITION BY HASH (colour);
CREATE TABLE walls_0 PARTITION OF walls FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE walls_1 PARTITION OF walls FOR VALUES WITH (MODULUS 2, REMAINDER 1);

-- Alike, so that each can have the other's name.
CREATE TABLE day (
    id    int PRIMARY KEY,
    value int NOT NULL DEFAULT 0,
    label text
);
CREATE TABLE night (LIKE day INCLUDING ALL);

CREATE TABLE vectors (
    id        int PRIMARY KEY,
    version   int NOT NULL,
    embedding vector(3) NOT NULL
);
CREATE INDEX vectors_embedding ON vectors USING hnsw (embedding vector_l2_ops);

-- What the copy is busy with.
CREATE TABLE readings (
    id    bigint PRIMARY KEY,
    value int NOT NULL,
    label text
);
CREATE INDEX readings_value ON readings (value);
CREATE TABLE files (
    id      int PRIMARY KEY,
    version int NOT NULL DEFAULT 0,
    content text
);
ALTER TABLE files ALTER content SET STORAGE EXTERNAL;
