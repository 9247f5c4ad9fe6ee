-- Pictures above 8,847,360 pixels have a key of their own.
alter table content_keys drop constraint content_keys_track_class_check;
alter table content_keys add constraint content_keys_track_class_check
  check (track_class in ('audio', 'sd', 'hd', 'uhd', 'uhd2'));
