create table messages (
  id uuid primary key,
  queue text not null,
  body text not null,
  visible_at timestamptz not null,
  receive_count int not null default 0,
  -- changes at each receipt, so that a receiver that was too late cannot hide the message from the next one
  receipt uuid,
  sent_at timestamptz not null default now()
);
create index messages_next on messages (queue, visible_at);
