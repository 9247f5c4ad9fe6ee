-- One job for each asset, for ever: a second AssetIngested finds the row.
create table jobs (
  id uuid primary key,
  asset_id uuid not null unique,
  owner text not null,
  file_name text not null,
  protection text not null check (protection in ('clear', 'cbcs')),
  source jsonb not null,
  frame_rate_num bigint not null,
  frame_rate_den bigint not null,
  frame_count bigint not null,
  gop_frames integer not null,
  state text not null check (state in ('queued', 'running', 'succeeded', 'failed', 'canceled')),
  attempt integer not null default 1,
  attempt_started_at timestamptz not null,
  is_first_playable boolean not null default false,
  posters jsonb not null default '[]',
  failure jsonb,
  version integer not null default 1,
  -- Encoded spans are kept until the job that needs them has succeeded, then removed once.
  spans_removed_at timestamptz,
  created_at timestamptz not null,
  started_at timestamptz,
  ended_at timestamptz,
  check ((state = 'failed') = (failure is not null)),
  check ((state in ('succeeded', 'failed', 'canceled')) = (ended_at is not null))
);
create index jobs_by_owner on jobs (owner, id desc);
create index jobs_open on jobs (id) where state in ('queued', 'running');
create index jobs_with_spans on jobs (ended_at) where state = 'succeeded' and spans_removed_at is null;

-- Tracks that a job makes. `track` is domain/job.ts Track as JSON.
create table renditions (
  job_id uuid not null references jobs on delete cascade,
  track_id text not null,
  position integer not null,
  track jsonb not null,
  is_early boolean not null,
  state text not null check (state in ('pending', 'ready', 'dropped', 'failed')),
  blob jsonb,
  frame_count bigint not null default 0,
  primary key (job_id, track_id)
);

-- Rows are the truth: a task in `ready` may be leased, whoever knows of it. `lease` is the fencing token.
create table tasks (
  id uuid primary key,
  job_id uuid not null references jobs on delete cascade,
  state text not null check (state in ('blocked', 'ready', 'leased', 'held', 'done', 'failed')),
  priority smallint not null check (priority in (0, 1)),
  rank double precision not null,
  is_early boolean not null,
  tracks text[] not null,
  work jsonb not null,
  kind text generated always as (work ->> 'kind') stored,
  cost double precision not null,
  film_seconds double precision not null,
  attempts integer not null default 0,
  available_at timestamptz not null,
  hinted_at timestamptz not null,
  worker text,
  lease uuid,
  lease_expires_at timestamptz,
  leased_at timestamptz,
  ended_at timestamptz,
  fraction double precision not null default 0,
  speed double precision not null default 0,
  outputs jsonb,
  check (state <> 'leased' or (lease is not null and lease_expires_at is not null)),
  check ((state = 'done') = (outputs is not null))
);
create index tasks_by_job on tasks (job_id);
create index tasks_ready on tasks (priority, rank, id) where state = 'ready';
create index tasks_leased on tasks (lease_expires_at) where state = 'leased';

-- Workers that asked for a task, to plan for as many as there are.
create table workers (
  name text primary key,
  seen_at timestamptz not null
);

-- Assets that are gone: nothing is planned for them any more, and what workers may still write is removed at
-- `purge_at`, when the last lease has run out.
create table deleted_assets (
  asset_id uuid primary key,
  deleted_at timestamptz not null,
  purge_at timestamptz
);
create index deleted_assets_due on deleted_assets (purge_at) where purge_at is not null;
