-- Hooks, what came to them, and the runs that it started.

-- hooks --
SELECT id, name, source, repository, branch, chain, tells, made_by, created_at
FROM dormouse.hook ORDER BY name;

-- secrets --
-- Of all of a tenant's hooks: who is asked at every delivery.
SELECT h.id, h.name, h.source, h.branch, s.secret
FROM dormouse.hook h JOIN dormouse.hook_secret s ON s.hook_id = h.id ORDER BY h.id;

-- status_token --
SELECT status_token FROM dormouse.hook_secret WHERE hook_id = %s;

-- hold_hooks --
-- Two that add at once are counted one after the other.
SELECT pg_advisory_xact_lock(hashtextextended('dormouse.hook', dormouse.current_tenant()));

-- count_hooks --
SELECT count(*) FROM dormouse.hook;

-- add_hook --
INSERT INTO dormouse.hook (name, source, repository, branch, chain, tells, made_by)
VALUES (%(name)s, %(source)s, %(repository)s, %(branch)s, %(chain)s, %(tells)s, %(by)s)
RETURNING id;

-- add_secret --
INSERT INTO dormouse.hook_secret (tenant_id, hook_id, secret, status_token)
VALUES (dormouse.current_tenant(), %(hook)s, %(secret)s, %(token)s);

-- change_hook --
UPDATE dormouse.hook
SET repository = coalesce(%(repository)s, repository), branch = coalesce(%(branch)s, branch),
    chain = coalesce(%(chain)s, chain), tells = coalesce(%(tells)s, tells)
WHERE id = %(hook)s;

-- change_secret --
UPDATE dormouse.hook_secret
SET secret = coalesce(%(secret)s, secret), status_token = coalesce(%(token)s, status_token)
WHERE hook_id = %(hook)s;

-- remove_hook --
DELETE FROM dormouse.hook WHERE id = %s;

-- note_delivery --
-- Nothing where its body or its id came before.
INSERT INTO dormouse.hook_delivery (tenant_id, hook_id, digest, key)
SELECT dormouse.current_tenant(), id, %(digest)s, %(key)s FROM dormouse.hook WHERE id = %(hook)s
ON CONFLICT DO NOTHING;

-- forget_deliveries --
DELETE FROM dormouse.hook_delivery WHERE hook_id = %s AND at < now() - interval '400 days';

-- queue_run --
INSERT INTO dormouse.hook_run (tenant_id, hook_id, who, branch, commit, forced, state, chain)
SELECT dormouse.current_tenant(), id, %(who)s, branch, %(commit)s, %(forced)s, 'queued', chain
FROM dormouse.hook WHERE id = %(hook)s
RETURNING id;

-- add_steps --
INSERT INTO dormouse.hook_step (tenant_id, run_id, position, kind, state)
SELECT dormouse.current_tenant(), %(run)s, k.position, k.kind, 'pending'
FROM unnest(%(kinds)s::text[]) WITH ORDINALITY AS k(kind, position);

-- skip_older --
-- What has not begun, or waits for somebody with a key: the newest is what counts.
UPDATE dormouse.hook_run
SET state = 'skipped', ended_at = now(), reason = 'run ' || %(run)s::text || ' is newer'
WHERE hook_id = %(hook)s AND id < %(run)s AND state IN ('queued', 'waiting')
RETURNING id;

-- runs --
SELECT r.id, r.hook_id AS hook, h.name, r.who, r.branch, r.commit, r.forced, r.state, r.reason,
       r.chain, r.created_at, r.began_at, r.ended_at
FROM dormouse.hook_run r JOIN dormouse.hook h ON h.id = r.hook_id
WHERE (%(hook)s::int IS NULL OR r.hook_id = %(hook)s) AND (%(run)s::int IS NULL OR r.id = %(run)s)
  AND (NOT %(open)s OR r.state IN ('queued', 'running', 'waiting'))
ORDER BY r.id DESC LIMIT %(limit)s;

-- steps --
SELECT run_id, position, kind, state, attempts, text, tail, detail, began_at, ended_at
FROM dormouse.hook_step WHERE run_id = ANY(%s) ORDER BY run_id, position;

-- change_run --
UPDATE dormouse.hook_run
SET state = %(state)s, reason = %(reason)s, commit = %(commit)s, began_at = %(began_at)s,
    ended_at = %(ended_at)s
WHERE id = %(run)s AND state NOT IN ('passed', 'failed', 'skipped');

-- change_step --
UPDATE dormouse.hook_step
SET state = %(state)s, attempts = %(attempts)s, text = %(text)s, tail = %(tail)s,
    detail = %(detail)s, began_at = %(began_at)s, ended_at = %(ended_at)s
WHERE run_id = %(run)s AND position = %(position)s;

-- forget_runs --
-- Of each hook the newest stay.
DELETE FROM dormouse.hook_run r
WHERE r.hook_id = %(hook)s AND r.state IN ('passed', 'failed', 'skipped')
  AND r.id <= (SELECT n.id FROM dormouse.hook_run n WHERE n.hook_id = %(hook)s
               ORDER BY n.id DESC OFFSET %(keep)s LIMIT 1);
