-- Why a revision is not packaged for now, as {reason, message}.
alter table revisions add column waiting jsonb;
