-- Which set of tracks the revision is made of: sets come in any order, and the one with the largest version is the newest.
alter table revisions add column input_version bigint not null default 0;
