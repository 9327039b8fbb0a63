-- Where people are in wizards.

-- save_progress --
-- Nothing is written where the row is not the one that was loaded, or not there any more.
INSERT INTO dormouse.wizard AS w (person, wizard, draft, answers, at_step)
SELECT %(person)s, %(wizard)s, %(draft)s, %(answers)s, %(at)s
WHERE %(since)s::timestamptz IS NULL
   OR EXISTS (SELECT FROM dormouse.wizard
              WHERE person = %(person)s AND wizard = %(wizard)s AND draft = %(draft)s)
ON CONFLICT (tenant_id, person, wizard, draft) DO UPDATE
SET answers = excluded.answers, at_step = excluded.at_step,
    changed_at = greatest(clock_timestamp(), w.changed_at + interval '1 microsecond')
WHERE w.changed_at = %(since)s
RETURNING changed_at;

-- progress --
SELECT answers, at_step, changed_at FROM dormouse.wizard
WHERE person = %s AND wizard = %s AND draft = %s;

-- reset_progress --
DELETE FROM dormouse.wizard WHERE person = %s AND wizard = %s AND draft = %s;

-- drafts --
SELECT draft AS name, changed_at, (SELECT count(*) FROM jsonb_object_keys(answers)) AS answered
FROM dormouse.wizard WHERE person = %(person)s AND wizard = %(wizard)s
ORDER BY changed_at DESC, draft;

-- other_drafts --
-- Two windows that begin drafts at once are counted one after the other.
SELECT count(*) FROM (
    SELECT FROM dormouse.wizard
    WHERE person = %(person)s AND wizard = %(wizard)s AND draft <> %(draft)s
    ORDER BY draft FOR UPDATE
) AS held;

-- name_draft --
UPDATE dormouse.wizard SET draft = %(name)s
WHERE person = %(person)s AND wizard = %(wizard)s AND draft = %(draft)s;
