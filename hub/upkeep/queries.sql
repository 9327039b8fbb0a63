-- How much the database holds.

-- sizes --
SELECT pg_database_size(current_database()),
       (SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables
        WHERE schemaname = 'dormouse');
