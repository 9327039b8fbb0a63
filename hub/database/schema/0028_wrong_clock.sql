-- What a clock put aside that stands before any machine ran this is dated again when it is set; until
-- then it must not look as if it had had its 90 days.
ALTER TABLE dormouse.quarantine ALTER COLUMN received_at
    SET DEFAULT CASE WHEN now() < '2026-01-01Z' THEN '2100-01-01Z' ELSE now() END;
