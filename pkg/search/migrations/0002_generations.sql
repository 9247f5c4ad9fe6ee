-- An index is kept in generations: one answers queries, at most one is being filled beside it, and what is dropped goes
-- bit by bit.
create table generations (
  id           text primary key,
  index_name   text not null references indexes (name) on delete cascade,
  state        text not null check (state in ('serving', 'building', 'dropped')),
  -- The release of words.ts that split the texts.
  analyzer     integer not null,
  -- Until when whoever fills it is believed to live.
  leased_until timestamptz
);
create unique index generations_serving on generations (index_name) where state = 'serving';
create unique index generations_building on generations (index_name) where state = 'building';

-- What is there is the first generation of each index, under the name of the index: nothing has to be written anew.
insert into generations (id, index_name, state, analyzer) select name, name, 'serving', 1 from indexes;
alter table documents rename column index_name to generation_id;
alter table documents drop constraint documents_index_name_fkey;
alter table documents add foreign key (generation_id) references generations (id) on delete cascade;
alter table vocabulary rename column index_name to generation_id;
