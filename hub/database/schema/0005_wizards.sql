-- Where people are in guided dialogues: all answers by step, and the step being looked at.
CREATE TABLE dormouse.wizard (
    tenant_id integer NOT NULL REFERENCES dormouse.tenant,
    person text NOT NULL CHECK (length(person) BETWEEN 1 AND 200),
    wizard text NOT NULL CHECK (length(wizard) BETWEEN 1 AND 100),
    answers jsonb NOT NULL CHECK (jsonb_typeof(answers) = 'object'),
    at_step text,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (tenant_id, person, wizard)
);
GRANT SELECT, INSERT, UPDATE, DELETE ON dormouse.wizard TO dormouse_app;
