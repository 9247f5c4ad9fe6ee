-- As in the envelope; what was on its way from a release that knew none says 0.
alter table deliveries add column version bigint not null default 0;
