-- Of two events about a title the one with the larger version is newer, whatever the clocks of who said them.
alter table titles add column version bigint not null default 0;
