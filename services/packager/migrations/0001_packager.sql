-- One package for each asset; its id is the same for all revisions. A deleted one stays as a mark that the asset is gone.
create table packages (
  id uuid primary key,
  asset_id uuid not null unique,
  created_at timestamptz not null,
  deleted_at timestamptz
);

-- A revision and the work on it. The row is the truth: whoever holds an unexpired lease packages it.
create table revisions (
  package_id uuid not null references packages (id),
  revision integer not null check (revision >= 0),
  asset_id uuid not null,
  state text not null check (state in ('packaging', 'ready', 'failed')),
  input jsonb not null,
  created_at timestamptz not null,
  -- the work
  attempts integer not null default 0,
  run_after timestamptz not null,
  lease_id uuid,
  leased_until timestamptz,
  -- the result
  folder text,
  output jsonb,
  ready_at timestamptz,
  failure_reason text,
  failure_message text,
  primary key (package_id, revision)
);
create index revisions_work on revisions (run_after, revision) where state = 'packaging';
create index revisions_page on revisions (created_at desc, package_id desc, revision desc);
create index revisions_asset on revisions (asset_id, created_at desc, package_id desc, revision desc);

-- Folders in the packaged store that no revision refers to: of running, dead and deleted work. All but the first are swept.
create table attempts (
  package_id uuid not null,
  revision integer not null,
  folder text not null,
  lease_id uuid not null,
  started_at timestamptz not null,
  primary key (package_id, revision, folder)
);
