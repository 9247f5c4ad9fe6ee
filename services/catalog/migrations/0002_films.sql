-- What each service said last of an asset: `part` is `asset`, `job` or `package-{revision}`. The largest version stays,
-- so events may come in any order. A deleted asset keeps its row, so that a late event does not bring it back.
create table film_parts (
  asset_id uuid not null,
  part     text not null,
  version  bigint not null,
  -- domain/film.ts as JSON.
  facts    jsonb not null,
  -- The message as proto-JSON, as it is shown.
  body     jsonb not null,
  primary key (asset_id, part)
);

-- One row for each film of the studio, made anew from its parts and its title whenever one of them changes. Each group
-- that a person can ask for has an index in the order of the list.
create table films (
  id          uuid primary key,
  asset_id    uuid,
  title_id    uuid,
  owner_id    uuid,
  stage       text not null,
  is_playable boolean not null,
  title_state text,
  -- Words of the names, as pkg/search/words.ts folds them.
  search_text text not null,
  created_at  timestamptz not null,
  updated_at  timestamptz not null
);
create index films_newest on films (created_at desc, id desc);
create index films_of_owner on films (owner_id, created_at desc, id desc);
create index films_in_progress on films (created_at desc, id desc)
  where stage in ('uploading', 'inspecting', 'transcoding', 'packaging', 'waiting');
create index films_failed on films (created_at desc, id desc)
  where stage in ('rejected', 'transcode_failed', 'package_failed', 'canceled');
create index films_untitled on films (created_at desc, id desc) where is_playable and title_state is null;
create index films_draft on films (created_at desc, id desc) where title_state in ('draft', 'unpublished');
create index films_published on films (created_at desc, id desc) where title_state = 'published';
create index films_by_name on films using gin (search_text gin_trgm_ops);

-- Titles of an earlier release are put into the list at the first start.
alter table titles
  add column is_listed boolean not null default false,
  -- File name of the picture that people chose.
  add column poster text;
create index titles_to_list on titles (id) where not is_listed;
