-- What was followed of changes of definitions, each in the transaction that did it, as the journal has it.
CREATE TABLE syncwizard.definitions_followed (
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    task_id uuid NOT NULL,
    event   text NOT NULL
);
CREATE INDEX definitions_followed_task ON syncwizard.definitions_followed (task_id, number);
