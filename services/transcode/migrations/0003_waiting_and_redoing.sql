-- Why a task that could be leased is not worked on for now, as {reason, message}.
alter table tasks add column waiting jsonb;

-- How often the rendition was made anew because the packager could not read it.
alter table renditions add column redone integer not null default 0;

-- Why the package of the job's renditions failed for good, where no rendition is known to be at fault.
alter table jobs add column package_failure text;
