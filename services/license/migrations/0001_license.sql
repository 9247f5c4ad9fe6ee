-- Content keys, wrapped by the keys port: never a key in the clear in this schema.
create table content_keys (
  key_id bytea primary key check (octet_length(key_id) = 16),
  asset_id uuid not null,
  track_class text not null check (track_class in ('audio', 'sd', 'hd', 'uhd')),
  wrapped_key bytea not null,
  created_at timestamptz not null,
  unique (asset_id, track_class)
);

-- Constant initialization vectors as the packager drew them; no secret (they are in every init segment).
create table content_key_ivs (
  package_id uuid not null,
  revision integer not null check (revision >= 0),
  track text not null,
  asset_id uuid not null,
  key_id bytea not null check (octet_length(key_id) = 16),
  constant_iv bytea not null check (octet_length(constant_iv) between 8 and 16),
  primary key (package_id, revision, track)
);
create index content_key_ivs_asset on content_key_ivs (asset_id);

-- Assets that are gone, so that a request that comes late makes no key for them.
create table deleted_assets (
  asset_id uuid primary key,
  deleted_at timestamptz not null
);

-- The audit log. Partitioned by time; the default partition takes what has none of its own.
create table license_records (
  id uuid not null,
  created_at timestamptz not null,
  key_system text not null check (key_system in ('clearkey', 'widevine', 'playready', 'fairplay')),
  refusal_reason text,
  play_session_id text,
  account_id text,
  asset_id text,
  requested_key_ids bytea[] not null,
  issued_key_ids bytea[] not null,
  remote_address text not null,
  trace_id text not null,
  primary key (created_at, id)
) partition by range (created_at);
create table license_records_default partition of license_records default;
create index license_records_asset on license_records (asset_id, created_at desc, id desc);
create index license_records_session on license_records (play_session_id, created_at desc, id desc);
