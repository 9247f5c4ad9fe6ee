-- Why the inspection stands still for now, as {reason, message}.
alter table assets add column waiting jsonb;
