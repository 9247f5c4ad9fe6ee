-- What waits for the next release of its consumer is counted now and then.
create index deliveries_parked on deliveries (consumer) where parked_at is not null;
