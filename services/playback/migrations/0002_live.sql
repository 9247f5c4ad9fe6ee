-- Who plays now is in the cache; this table is the record of starts and ends.
alter table play_sessions
  drop column grant_json,
  drop column lease_expires_at,
  -- The viewer's sign-in session that started it; unknown for plays of before.
  add column sign_in_id uuid,
  add column rights_end_at timestamptz,
  add column end_reason text
    check (end_reason in ('stopped', 'expired', 'rights_ended', 'replaced', 'unavailable', 'signed_out', 'account_deleted'));

create index play_sessions_unended_account on play_sessions (account_id) where ended_at is null;
create index play_sessions_unended_title on play_sessions (title_id, started_at) where ended_at is null;
-- The sweep goes through them by id.
create index play_sessions_unended on play_sessions (id) where ended_at is null;
