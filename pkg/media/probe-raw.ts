/** ffprobe's JSON, as far as it is read. Every field may be missing: a hostile file writes most of them. */

export interface RawStream {
  readonly index: number;
  readonly codec_type?: string;
  readonly codec_name?: string;
  readonly profile?: string;
  readonly width?: number;
  readonly height?: number;
  readonly sample_aspect_ratio?: string;
  readonly pix_fmt?: string;
  readonly field_order?: string;
  readonly bits_per_raw_sample?: string;
  readonly color_primaries?: string;
  readonly color_transfer?: string;
  readonly color_space?: string;
  readonly color_range?: string;
  readonly r_frame_rate?: string;
  readonly avg_frame_rate?: string;
  readonly time_base?: string;
  readonly nb_frames?: string;
  readonly sample_rate?: string;
  readonly channels?: number;
  readonly disposition?: Readonly<Record<string, number>>;
  readonly tags?: Readonly<Record<string, string>>;
  readonly side_data_list?: readonly { readonly rotation?: number | string }[];
}

export interface RawMedia {
  readonly container: string;
  readonly durationSeconds: number;
  readonly startSeconds: number;
  readonly title: string | undefined;
  readonly streams: readonly RawStream[];
}

export function parseRawMedia(json: string): RawMedia {
  const parsed = JSON.parse(json) as {
    streams?: RawStream[];
    format?: { format_name?: string; duration?: string; start_time?: string; tags?: Record<string, string> };
  };
  return {
    container: parsed.format?.format_name?.split(",")[0] ?? "unknown",
    durationSeconds: Number(parsed.format?.duration) || 0,
    startSeconds: Number(parsed.format?.start_time) || 0,
    title: parsed.format?.tags?.title,
    streams: parsed.streams ?? [],
  };
}
