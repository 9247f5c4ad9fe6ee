-- Appending takes the row of its partition until the commit: offsets then become visible in their order, which a
-- sequence would not give, and a reader never passes over a record that commits late.
create table partitions (
  topic text not null,
  partition int not null,
  next_offset bigint not null default 0,
  primary key (topic, partition)
);

create table records (
  topic text not null,
  partition int not null,
  "offset" bigint not null,
  key text not null,
  value bytea not null,
  appended_at timestamptz not null default now(),
  primary key (topic, partition, "offset")
);
create index records_age on records (appended_at);

create table positions (
  topic text not null,
  group_name text not null,
  partition int not null,
  -- the first offset that the group has not finished
  next_offset bigint not null default 0,
  -- who reads the partition, until when; others keep away
  holder uuid,
  held_until timestamptz not null default now(),
  primary key (topic, group_name, partition)
);
