-- `version` counts the changes of what a view of the revision shows, whoever makes them; `told_version` is the one that
-- `PackageChanged` was last emitted for.
alter table revisions
  add column version bigint not null default 1,
  add column told_version bigint not null default 0;
create index revisions_to_tell on revisions (package_id, revision) where told_version < version;

create function count_revision_changes() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' then
    new.version := old.version + 1;
  end if;
  perform pg_notify(current_schema() || '.package_changes', '');
  return new;
end $$;
create trigger package_changes before insert or update of state on revisions
  for each row execute function count_revision_changes();
