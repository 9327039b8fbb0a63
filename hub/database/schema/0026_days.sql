-- Days of a place: its time zone, and what series did in each of its days.

-- IANA's name; null: that of the place around it, else the tenant's.
ALTER TABLE dormouse.place ADD zone text CHECK (length(zone) BETWEEN 1 AND 64);

-- What a series did in a day of a zone that is over, worked out when somebody asked for it. A row
-- without readings says that there were none. `area` is the integral of the value over the
-- `seconds` for which it is known, `rise` by how much a counter rose, `states` the seconds spent in
-- each state. Given up as soon as anything that it may be made of is another.
CREATE TABLE dormouse.day_bin (
    tenant_id integer NOT NULL,
    series_id integer NOT NULL,
    zone text NOT NULL,
    start timestamptz NOT NULL,
    until timestamptz NOT NULL,
    n integer NOT NULL,
    total double precision,
    low double precision,
    high double precision,
    last double precision,
    area double precision,
    seconds double precision NOT NULL,
    rise double precision,
    states jsonb,
    PRIMARY KEY (tenant_id, series_id, zone, start),
    FOREIGN KEY (tenant_id, series_id) REFERENCES dormouse.series (tenant_id, id) ON DELETE CASCADE
);

-- A day of UTC that changed takes with it the days that overlap it, and those into which its values
-- may hold: 90 days, as far as a value is looked for, or until the next one where that comes later
-- (by how much a counter rose is told by the one before, however long ago). Whoever stores readings
-- holds the lock of the rollups until the commit, and so does who works out days (alone): no day can
-- miss a reading.
CREATE FUNCTION dormouse.forget_day_bins() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM dormouse.day_bin b USING changed c
    WHERE b.tenant_id = c.tenant_id AND b.series_id = c.series_id
      AND b.until > c.start
      AND (b.start < c.start + interval '92 days' OR b.start < (
          SELECT min(d.start) + interval '2 days' FROM dormouse.daily d
          WHERE d.tenant_id = c.tenant_id AND d.series_id = c.series_id AND d.start > c.start));
    RETURN NULL;
END $$;
CREATE TRIGGER forget_day_bins_insert AFTER INSERT ON dormouse.daily
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION dormouse.forget_day_bins();
CREATE TRIGGER forget_day_bins_update AFTER UPDATE ON dormouse.daily
REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION dormouse.forget_day_bins();
CREATE TRIGGER forget_day_bins_delete AFTER DELETE ON dormouse.daily
REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION dormouse.forget_day_bins();

-- By how much a counter rose from one reading to the next, both as they were measured. One that
-- begins anew counts from 0; one that is full goes on from 0 at a power of two (a register) or of
-- ten (a dial), which is told from a new beginning by being less than a fiftieth of it away.
CREATE FUNCTION dormouse.counter_rise(before double precision, now double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp
RETURN CASE
    WHEN before IS NULL THEN 0
    WHEN now >= before THEN now - before
    ELSE coalesce((
        SELECT now + size - before
        FROM unnest(ARRAY[65536, 16777216, 4294967296, 10000, 100000, 1000000, 10000000, 100000000,
                          1000000000]::double precision[]) AS size
        WHERE before < size AND now >= 0 AND now + size - before <= size / 50
        ORDER BY size LIMIT 1), greatest(now, 0))
    END;

GRANT SELECT, INSERT, UPDATE, DELETE ON dormouse.day_bin TO dormouse_app;
