alter table list_items add column version bigint not null default 0;
