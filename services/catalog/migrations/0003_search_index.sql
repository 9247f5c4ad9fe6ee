-- What this service knows of its search index: which generation it filled, and how far it is with filling one.
create table search_indexes (
  name        text primary key,
  -- The newest that was begun. It is whole where the index answers with it.
  generation  text not null default '',
  reason      text not null default 'asked' check (reason in ('made_anew', 'outdated', 'asked')),
  -- Somebody asked for a rebuild that has not begun.
  is_wanted   boolean not null default false,
  done_count  bigint not null default 0,
  total_count bigint not null default 0,
  started_at  timestamptz,
  ended_at    timestamptz
);
