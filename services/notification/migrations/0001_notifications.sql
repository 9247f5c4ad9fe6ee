-- Where notifications are put: an account's own, or one that all operators share. `last_seq` is raised under the row's
-- lock, so that notifications become visible in the order of their numbers and a watcher misses none.
create table inboxes (
  id text primary key,
  last_seq bigint not null
);

create table notifications (
  id uuid primary key,
  inbox text not null references inboxes,
  seq bigint not null,
  kind text not null,
  headline text not null,
  body text not null,
  subject text not null,
  -- What may be said once only, such as that an asset can be played.
  once text not null,
  created_at timestamptz not null,
  read_at timestamptz,
  unique (inbox, seq),
  constraint notifications_once unique (inbox, once)
);
create index notifications_newest on notifications (inbox, id desc);
create index notifications_unread on notifications (inbox) where read_at is null;
create index notifications_age on notifications (created_at);

-- Who handed an asset in, learnt from events, to tell them about titles that play it.
create table asset_owners (
  asset text primary key,
  owner_id uuid not null
);
