-- The version that `AssetChanged` was last emitted for; behind `version` there is something to tell.
alter table assets add column told_version integer not null default 0;
create index assets_to_tell on assets (id) where told_version < version;

create function hint_at_asset_changes() returns trigger language plpgsql as $$
begin
  perform pg_notify(current_schema() || '.asset_changes', '');
  return null;
end $$;
create trigger asset_changes after insert or update of version on assets
  for each statement execute function hint_at_asset_changes();
