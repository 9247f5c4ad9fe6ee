-- When the blobs of a deleted asset are removed for good.
alter table assets add column purge_at timestamptz;
update assets set purge_at = updated_at where state = 'deleted';

-- Titles of the catalogue and the asset that each plays, as their events tell; null where it left. Events come in no
-- order: the one with the largest version counts.
create table showings (
  title_id      uuid primary key,
  display_title text not null,
  asset_id      uuid,
  version       bigint not null
);
create index showings_by_asset on showings (asset_id) where asset_id is not null;
