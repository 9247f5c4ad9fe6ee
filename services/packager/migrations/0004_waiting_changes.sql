-- What a revision waits for is part of what views show: it counts as a change when it begins or becomes another. Its end
-- is a change of the state.
create trigger waiting_changes before update of waiting on revisions
  for each row when (new.waiting is not null and old.waiting ->> 'reason' is distinct from new.waiting ->> 'reason')
  execute function count_revision_changes();
