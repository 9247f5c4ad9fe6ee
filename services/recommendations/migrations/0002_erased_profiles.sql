-- Profiles of erased accounts stay as marks: what is still on its way about them is not kept. Kept here and not in the
-- statements that write, because only a statement of its own, under a lock that erasing takes too, sees a mark that was
-- set while the write was waiting.
create table erased_profiles (
  profile_id uuid primary key,
  erased_at  timestamptz not null default now()
);

create function refuse_erased_profiles() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(hashtextextended(new.profile_id::text, 0));
  if exists (select from erased_profiles where profile_id = new.profile_id) then
    return null;
  end if;
  return new;
end $$;
create trigger erased_profiles before insert on history for each row execute function refuse_erased_profiles();
create trigger erased_profiles before insert on list_items for each row execute function refuse_erased_profiles();
