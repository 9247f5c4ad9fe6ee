-- What players said, once each whatever the log repeats. Cumulative figures are those of the session so far.
create table player_events (
  session_id uuid not null,
  id uuid not null,
  sequence integer not null,
  kind text not null,
  occurred_at timestamptz not null,
  received_at timestamptz not null,
  position_ms bigint,
  startup_ms bigint,
  stall_ms bigint,
  playing_ms bigint,
  stalled_ms bigint,
  bits_per_second bigint,
  height integer,
  dropped_frames integer,
  player text,
  code text,
  message text,
  is_fatal boolean not null default false,
  is_business_exception boolean not null default false,
  primary key (session_id, id)
);
create index player_events_age on player_events (received_at);

-- What the events of a session add up to; computed again from them whenever new ones arrive.
create table play_sessions (
  id uuid primary key,
  title_id uuid,
  territory text not null,
  first_received_at timestamptz not null,
  last_received_at timestamptz not null,
  is_view boolean not null,
  startup_ms bigint,
  stall_count integer not null,
  stalled_ms bigint not null,
  playing_ms bigint not null,
  -- The bandwidth of each sample, weighted by the playing time that led up to it, and the sum of those times.
  weighted_bits_ms numeric not null,
  weighted_ms bigint not null,
  is_failed boolean not null,
  is_business_exception boolean not null,
  is_ended boolean not null
);
create index play_sessions_first on play_sessions (first_received_at);
create index play_sessions_title on play_sessions (title_id, first_received_at);
create index play_sessions_last on play_sessions (last_received_at);

-- When an alert was raised last.
create table alerts (
  metric text not null,
  title text not null,
  raised_at timestamptz not null,
  primary key (metric, title)
);
