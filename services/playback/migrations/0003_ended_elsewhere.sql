-- A play may be ended from another device of its account.
alter table play_sessions
  drop constraint play_sessions_end_reason_check,
  add constraint play_sessions_end_reason_check check (end_reason in
    ('stopped', 'expired', 'rights_ended', 'replaced', 'unavailable', 'signed_out', 'account_deleted', 'ended_elsewhere'));
