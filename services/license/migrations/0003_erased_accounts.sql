-- Accounts that were erased, so that what is recorded late about one does not say who it was. The trigger takes the lock
-- that erasing takes: a row that was on its way is either found by the erasure or sees the mark.
create table erased_accounts (
  account_id text primary key,
  erased_at  timestamptz not null default now()
);

create function forget_erased_accounts() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended(new.account_id, 0));
  if exists (select from erased_accounts where account_id = new.account_id) then
    new.account_id := null;
    new.remote_address := '';
    new.trace_id := '';
  end if;
  return new;
end $$;
create trigger erased_accounts before insert on license_records
  for each row when (new.account_id is not null) execute function forget_erased_accounts();
