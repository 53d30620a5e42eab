-- The version of the schema's layout. 0.1 kept none.
CREATE TABLE syncwizard.layout (
    version integer NOT NULL
);
INSERT INTO syncwizard.layout (version) VALUES (1);
