-- Sessions that ended while access tokens of theirs may live: every process that verifies tokens follows this list.
-- Apart from sessions, whose rows go with their account.
create table ended_sessions (
  id       uuid primary key,
  ended_at timestamptz not null,
  -- The transaction, so that who reads on misses none that committed after one with a later time.
  xact     xid8 not null default pg_current_xact_id()
);
create index ended_sessions_by_xact on ended_sessions (xact);
create index ended_sessions_by_time on ended_sessions (ended_at);
