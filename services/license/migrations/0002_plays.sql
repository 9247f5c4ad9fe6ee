-- Plays that have ended, for as long as a play token of them could still be good.
create table ended_plays (
  play_session_id uuid primary key,
  ended_at        timestamptz not null,
  forget_at       timestamptz not null
);
create index ended_plays_forget on ended_plays (forget_at);

-- What is kept of an account is found when the account is erased.
create index license_records_account on license_records (account_id) where account_id is not null;
