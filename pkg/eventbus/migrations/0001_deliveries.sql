create table subscriptions (
  consumer text not null,
  type text not null,
  primary key (consumer, type)
);
create index subscriptions_by_type on subscriptions (type);

-- One row per event and consumer, the event's data included: few consumers share a type, and no event then needs
-- to be counted and collected.
create table deliveries (
  consumer text not null,
  event_id uuid not null,
  source text not null,
  type text not null,
  key text not null,
  occurred_at timestamptz not null,
  traceparent text not null,
  payload bytea not null,
  attempts int not null default 0,
  due_at timestamptz not null default now(),
  parked_at timestamptz,
  last_error text,
  primary key (consumer, event_id)
);
create index deliveries_due on deliveries (consumer, due_at) where parked_at is null;
