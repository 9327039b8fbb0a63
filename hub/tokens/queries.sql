-- Tokens of programs, known by their hashes.

-- tokens --
SELECT id, name, scopes, made_by, created_at, expires_at, used_at FROM dormouse.token ORDER BY id;

-- make_token --
-- Two that are made at the same moment could pass the bound together; it is no exact one.
INSERT INTO dormouse.token (name, hash, scopes, made_by, expires_at)
SELECT %(name)s, %(hash)s, %(scopes)s, %(by)s, %(expires)s
WHERE (SELECT count(*) FROM dormouse.token) < %(most)s
RETURNING id, name, scopes, made_by, created_at, expires_at, used_at;

-- prove_token --
SELECT id, name, scopes, made_by, created_at, expires_at, used_at FROM dormouse.token
WHERE id = %s AND hash = %s AND (expires_at IS NULL OR expires_at > now());

-- token_used --
UPDATE dormouse.token SET used_at = now()
WHERE id = %s AND (used_at IS NULL OR used_at < now() - interval '1 minute');

-- revoke_token --
DELETE FROM dormouse.token WHERE id = %s;
