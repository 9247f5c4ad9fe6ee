-- Drawn while the transaction holds what the event is about, so that of two events about one thing the later has the
-- larger. Begins above what earlier releases counted by themselves, thing by thing.
create sequence event_version start 1000000;
alter table outbox
  add column version bigint not null default nextval('event_version'),
  -- The bus refused the event itself: it is out of the others' way until a relay starts that may know better.
  add column parked_at timestamptz;
create index outbox_to_publish on outbox (id) where parked_at is null;
