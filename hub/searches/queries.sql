-- Questions about devices under a name.

-- searches --
-- One's own and everybody's.
SELECT id, name, path, person_id IS NULL AS shared, made_by, created_at
FROM dormouse.saved_search WHERE person_id IS NULL OR person_id = %(person)s
ORDER BY lower(name), name, shared;

-- find_search --
-- One's own goes before everybody's.
SELECT id, name, path, person_id IS NULL AS shared, made_by, created_at
FROM dormouse.saved_search
WHERE name = %(name)s AND (person_id IS NULL OR person_id = %(person)s)
ORDER BY shared LIMIT 1;

-- hold_searches --
-- Two that save at once are counted one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('dormouse.saved_search', dormouse.current_tenant()));

-- count_searches --
SELECT count(*) FROM dormouse.saved_search WHERE person_id IS NOT DISTINCT FROM %(owner)s::int;

-- save_search --
INSERT INTO dormouse.saved_search (tenant_id, person_id, name, path, made_by)
VALUES (dormouse.current_tenant(), %(owner)s, %(name)s, %(path)s, %(by)s)
RETURNING id, name, path, person_id IS NULL AS shared, made_by, created_at;

-- search_of_number --
SELECT id, name, path, person_id IS NULL AS shared, made_by, created_at
FROM dormouse.saved_search WHERE id = %(number)s AND (person_id IS NULL OR person_id = %(person)s);

-- remove_search --
DELETE FROM dormouse.saved_search WHERE id = %(number)s;
