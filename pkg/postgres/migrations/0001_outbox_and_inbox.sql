-- Events that a committed transaction made true and the bus does not have yet.
create table outbox (
  id uuid primary key,
  source text not null,
  type text not null,
  key text not null,
  occurred_at timestamptz not null,
  traceparent text not null,
  payload bytea not null
);

-- Events that this service has handled; pruned by age.
create table inbox (
  event_id uuid primary key,
  handled_at timestamptz not null default now()
);
create index inbox_handled_at on inbox (handled_at);
