-- What an account has open is counted before it may open more.
create index uploads_open on uploads (owner_id) where state in ('active', 'completing');
