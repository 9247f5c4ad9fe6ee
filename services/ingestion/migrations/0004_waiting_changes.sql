-- What an asset waits for is part of what views show: it counts as a change when it begins, ends or becomes another.
create function count_waiting_changes() returns trigger language plpgsql as $$
begin
  new.version := old.version + 1;
  perform pg_notify(current_schema() || '.asset_changes', '');
  return new;
end $$;
create trigger waiting_changes before update of waiting on assets
  for each row when (old.waiting ->> 'reason' is distinct from new.waiting ->> 'reason')
  execute function count_waiting_changes();
