create table indexes (
  name text primary key
);

-- A removed document stays as its id and version, so that an older put that arrives later finds it.
create table documents (
  index_name text not null references indexes (name),
  id text not null,
  version bigint not null,
  removed boolean not null default false,
  -- the title as queries are compared with it: its words with single spaces
  plain_title text not null default '',
  -- name, unit separator, value
  facets text[] not null default '{}',
  words tsvector not null default '',
  primary key (index_name, id)
);
create index documents_words on documents using gin (words);
create index documents_facets on documents using gin (facets);

-- Every word that a document of the index has had, to find what a mistyped one may have meant. Words of removed
-- documents stay: they match nothing.
create table vocabulary (
  index_name text not null,
  word text not null,
  primary key (index_name, word)
);
create index vocabulary_similar on vocabulary using gin (word gin_trgm_ops);
