-- Tables whose definitions are followed, each with the definition that the destination has of it by now, as JSON.
CREATE TABLE syncwizard.followed (
    task_id    uuid NOT NULL,
    relation   bigint NOT NULL,
    definition text NOT NULL,
    PRIMARY KEY (task_id, relation)
);
