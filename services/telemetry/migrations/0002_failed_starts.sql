-- How long after pressing play something failed.
alter table player_events add column elapsed_ms bigint;
-- Of the first fatal failure. The table holds views that came to no play session as well, under ids of their own.
alter table play_sessions add column failed_after_ms bigint;
