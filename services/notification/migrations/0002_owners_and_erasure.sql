-- Events come in no order: a title may be published here before it is known who handed its film in. The row is there
-- from the first of the two events on, so that the second one waits for it and finds what the first one left.
alter table asset_owners alter column owner_id drop not null;
create index asset_owners_by_owner on asset_owners (owner_id);

create table waiting_messages (
  event_id uuid primary key,
  asset text not null references asset_owners on delete cascade,
  message jsonb not null,
  created_at timestamptz not null
);
create index waiting_messages_by_asset on waiting_messages (asset);
create index waiting_messages_age on waiting_messages (created_at);

-- An inbox whose account was erased stays as a mark: what comes late fills it no more.
alter table inboxes add column is_erased boolean not null default false;
