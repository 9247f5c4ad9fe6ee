create table play_sessions (
  id               uuid primary key,
  request_id       uuid not null,
  account_id       uuid not null,
  profile_id       uuid not null,
  title_id         uuid not null,
  asset_id         uuid not null,
  display_title    text not null,
  device_id        text not null,
  device_kind      text not null,
  device_name      text not null,
  territory        text not null,
  tier             text not null,
  maximum_age      integer not null,
  -- matinee.playback.v1.PlayGrant as proto-JSON, as it was first decided.
  grant_json       jsonb not null,
  duration_ms      bigint not null,
  position_ms      bigint not null,
  started_at       timestamptz not null,
  seen_at          timestamptz not null,
  -- The stream slot is held until then.
  lease_expires_at timestamptz not null,
  ended_at         timestamptz,
  unique (account_id, request_id)
);
create index play_sessions_active on play_sessions (account_id, lease_expires_at) where ended_at is null;
create index play_sessions_expiring on play_sessions (lease_expires_at) where ended_at is null;
create index play_sessions_ended on play_sessions (ended_at) where ended_at is not null;

create table signing_keys (
  kid                 text primary key,
  public_jwk          jsonb not null,
  wrapped_private_jwk bytea not null,
  created_at          timestamptz not null
);
