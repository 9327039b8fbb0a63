-- How much the database holds.

-- sizes --
SELECT pg_database_size(current_database()),
       (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables
        WHERE schemaname = 'dormouse');

-- series_to_pack --
SELECT s.id FROM dormouse.series s
WHERE EXISTS (SELECT FROM dormouse.reading r
              WHERE r.tenant_id = s.tenant_id AND r.series_id = s.id AND r.at < %s)
ORDER BY s.id;

-- pack_days --
SELECT days, readings, next FROM dormouse.pack_days(%s, %s, %s, %s);

-- drop_empty_partitions --
SELECT * FROM dormouse.drop_empty_partitions(%s);

-- packed --
SELECT count(*), coalesce(sum(n), 0)::bigint, coalesce(sum(pg_column_size(p.*)), 0)::bigint,
       min(day), max(day) + interval '1 day'
FROM dormouse.packed_day p;
