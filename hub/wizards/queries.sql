-- Where people are in wizards.

-- save_progress --
-- Nothing is written where the row is not the one that was loaded, or not there any more.
INSERT INTO dormouse.wizard AS w (person, wizard, answers, at_step)
SELECT %(person)s, %(wizard)s, %(answers)s, %(at)s
WHERE %(since)s::timestamptz IS NULL
   OR EXISTS (SELECT FROM dormouse.wizard WHERE person = %(person)s AND wizard = %(wizard)s)
ON CONFLICT (tenant_id, person, wizard) DO UPDATE
SET answers = excluded.answers, at_step = excluded.at_step,
    changed_at = greatest(clock_timestamp(), w.changed_at + interval '1 microsecond')
WHERE w.changed_at = %(since)s
RETURNING changed_at;

-- progress --
SELECT answers, at_step, changed_at FROM dormouse.wizard
WHERE person = %s AND wizard = %s;

-- reset_progress --
DELETE FROM dormouse.wizard WHERE person = %s AND wizard = %s;
