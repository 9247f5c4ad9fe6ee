-- The version that `JobChanged` was last emitted for; behind `version` there is something to tell.
alter table jobs add column told_version integer not null default 0;
create index jobs_to_tell on jobs (id) where told_version < version;

create function hint_at_job_changes() returns trigger language plpgsql as $$
begin
  perform pg_notify(current_schema() || '.job_changes', '');
  return null;
end $$;
create trigger job_changes after insert or update of version on jobs
  for each statement execute function hint_at_job_changes();
