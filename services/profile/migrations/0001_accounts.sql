create table accounts (
  id            uuid primary key,
  request_id    uuid not null unique,
  email         text not null unique,
  password_hash text not null,
  roles         text[] not null default '{}',
  tier          text not null,
  created_at    timestamptz not null
);

create table profiles (
  id           uuid primary key,
  account_id   uuid not null references accounts on delete cascade,
  display_name text not null,
  language     text not null,
  maximum_age  integer not null,
  created_at   timestamptz not null
);
create index profiles_by_account on profiles (account_id, id);

create table sessions (
  id            uuid primary key,
  account_id    uuid not null references accounts on delete cascade,
  profile_id    uuid references profiles on delete set null,
  refresh_hash  bytea not null,
  -- The token before the last rotation: seen again after the grace it means that somebody copied it.
  previous_hash bytea,
  rotated_at    timestamptz not null,
  created_at    timestamptz not null,
  expires_at    timestamptz not null,
  ended_at      timestamptz
);
create index sessions_by_account on sessions (account_id);
create index sessions_by_expiry on sessions (expires_at);

create table signing_keys (
  kid                 text primary key,
  public_jwk          jsonb not null,
  wrapped_private_jwk bytea not null,
  created_at          timestamptz not null
);

create table list_items (
  profile_id uuid not null references profiles on delete cascade,
  title_id   uuid not null,
  created_at timestamptz not null,
  primary key (profile_id, title_id)
);
create index list_items_newest on list_items (profile_id, created_at desc, title_id desc);

create table resume_points (
  profile_id  uuid not null references profiles on delete cascade,
  title_id    uuid not null,
  position_ms bigint not null,
  duration_ms bigint not null,
  is_finished boolean not null,
  updated_at  timestamptz not null,
  primary key (profile_id, title_id)
);
create index resume_points_newest on resume_points (profile_id, updated_at desc, title_id desc);
