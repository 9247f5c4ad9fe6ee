-- Titles that are in the catalogue, as their events tell.
create table titles (
  title_id     uuid primary key,
  published_at timestamptz not null,
  is_listed    boolean not null,
  -- When the newest event about it happened: events come in no order.
  told_at      timestamptz not null
);
create index titles_newest on titles (published_at desc, title_id desc) where is_listed;

create table history (
  profile_id  uuid not null,
  title_id    uuid not null,
  position_ms bigint not null,
  is_finished boolean not null,
  watched_at  timestamptz not null,
  primary key (profile_id, title_id)
);
create index history_newest on history (profile_id, watched_at desc);

create table list_items (
  profile_id uuid not null,
  title_id   uuid not null,
  is_listed  boolean not null,
  told_at    timestamptz not null,
  primary key (profile_id, title_id)
);
create index list_items_newest on list_items (profile_id, told_at desc) where is_listed;
