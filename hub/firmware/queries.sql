-- Firmware images.

-- images --
SELECT id, version, board, size, digest, key, counter, notes, added_at FROM dormouse.firmware ORDER BY added_at DESC, id DESC;

-- image_by_number --
SELECT id, version, board, size, digest, key, counter, notes, added_at FROM dormouse.firmware WHERE id = %s;

-- image_by_digest --
SELECT id, version, board, size, digest, key, counter, notes, added_at FROM dormouse.firmware WHERE digest = %s;

-- add_image --
INSERT INTO dormouse.firmware (version, board, size, digest, key, counter, notes, canned)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING;

-- image_of_version --
SELECT id FROM dormouse.firmware WHERE version = %s AND board = %s;

-- open_rollouts_of_image --
SELECT id FROM dormouse.rollout
WHERE image_id = %s AND phase NOT IN ('aborted', 'done') ORDER BY id;

-- canned_file --
SELECT canned FROM dormouse.firmware WHERE id = %s;

-- remove_image --
DELETE FROM dormouse.firmware WHERE id = %s;
