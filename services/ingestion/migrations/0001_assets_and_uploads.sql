-- Film files that were handed in. `media` is what the probe found (domain/media.ts as JSON).
create table assets (
  id uuid primary key,
  owner_id uuid not null,
  file_name text not null,
  state text not null check (state in ('uploading', 'inspecting', 'ready', 'rejected', 'deleted')),
  protection text not null check (protection in ('clear', 'cbcs')),
  size_bytes bigint not null check (size_bytes > 0),
  sha256 text,
  media jsonb,
  rejection_reason text,
  rejection_message text,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((state = 'rejected') = (rejection_reason is not null)),
  check (state <> 'ready' or (sha256 is not null and media is not null))
);
create index assets_by_owner on assets (owner_id, id desc);
create index assets_by_state on assets (state, id desc);

-- Files on their way in. While `completing`, a worker that holds `lease_token` inspects; another may take over from
-- `due_at` on. The foreign key is checked at the commit, so that the request id can decide before the asset is made.
create table uploads (
  id uuid primary key,
  asset_id uuid not null unique references assets deferrable initially deferred,
  owner_id uuid not null,
  request_id uuid not null,
  file_name text not null,
  size_bytes bigint not null,
  part_size_bytes bigint not null,
  part_count integer not null check (part_count between 1 and 10000),
  multipart_id text,
  state text not null check (state in ('active', 'completing', 'completed', 'aborted', 'expired')),
  sha256 text,
  expires_at timestamptz not null,
  created_at timestamptz not null,
  attempts integer not null default 0,
  lease_token uuid,
  due_at timestamptz,
  constraint uploads_request unique (owner_id, request_id),
  check ((state = 'completing') = (due_at is not null))
);
create index uploads_due on uploads (due_at) where state = 'completing';
create index uploads_expiring on uploads (expires_at) where state = 'active';

-- Blobs that must go: what belongs to the asset is removed at `due_at`, and again after `until`, the moment at which
-- a worker that did not see the removal coming can have written for the last time.
create table purges (
  asset_id uuid primary key,
  multipart_id text,
  due_at timestamptz not null,
  until timestamptz not null
);
create index purges_due on purges (due_at);
