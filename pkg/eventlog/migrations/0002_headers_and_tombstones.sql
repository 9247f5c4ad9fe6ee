alter table records add column headers jsonb not null default '{}', alter column value drop not null;
