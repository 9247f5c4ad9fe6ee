create table titles (
  id                uuid primary key,
  request_id        uuid not null unique,
  kind              text not null,
  display_title     text not null,
  synopsis          text not null,
  original_language text not null,
  release_year      integer not null,
  genres            text[] not null,
  credits           jsonb not null,
  minimum_age       integer not null,
  localizations     jsonb not null,
  windows           jsonb not null,
  asset_id          uuid,
  state             text not null check (state in ('draft', 'published', 'unpublished', 'deleted')),
  -- Grows with every change: the etag, and the version of the search document.
  version           bigint not null,
  -- The version that the search index has; behind `version` the indexer has work to do.
  indexed_version   bigint not null default 0,
  created_at        timestamptz not null,
  updated_at        timestamptz not null,
  published_at      timestamptz,
  deleted_at        timestamptz
);
create index titles_newest on titles (created_at desc, id desc);
create index titles_by_asset on titles (asset_id);
create index titles_to_index on titles (id) where indexed_version < version;

-- The newest package of each asset, also before a title has chosen the asset.
create table asset_packages (
  asset_id   uuid primary key,
  revision   integer not null,
  -- What a title shows of it.
  media      jsonb not null,
  -- matinee.packager.v1.Package as proto-JSON.
  package    jsonb not null,
  posters    jsonb not null,
  updated_at timestamptz not null
);

-- A counter in slots, so that many plays of one title at once do not wait for one row.
create table title_views (
  title_id uuid not null,
  slot     integer not null,
  views    bigint not null,
  primary key (title_id, slot)
);
