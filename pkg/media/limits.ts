/** How much a film file may claim to hold. What a file says costs its writer nothing, so none of it sizes our work. */

export interface MediaLimits {
  /** From the first to the last picture or sound. */
  readonly durationSeconds: number;
  readonly videoStreams: number;
  readonly audioStreams: number;
  readonly textStreams: number;
  /** Attachments, time codes and whatever else. */
  readonly otherStreams: number;
  /** Of what describes all streams, their titles and languages. */
  readonly descriptionBytes: number;
  /** Width or height of the picture, as coded and as displayed. */
  readonly pictureSide: number;
  /** Pictures to encode for each one that the file really holds, on average. */
  readonly framesPerPicture: number;
}

/** What real films stay far below. */
export const DEFAULT_LIMITS: MediaLimits = {
  durationSeconds: 24 * 3600,
  videoStreams: 8,
  audioStreams: 64,
  textStreams: 128,
  otherStreams: 256,
  descriptionBytes: 2 * 1024 ** 2,
  pictureSide: 16_384,
  framesPerPicture: 1_000,
};

/** No setting goes beyond these, so they hold for a file whose inspection was under settings of another process. */
export const HIGHEST_LIMITS: MediaLimits = {
  durationSeconds: 7 * 24 * 3600,
  videoStreams: 64,
  audioStreams: 256,
  textStreams: 512,
  otherStreams: 900,
  descriptionBytes: 8 * 1024 ** 2,
  pictureSide: 32_768,
  framesPerPicture: 100_000,
};

/** Packets of all streams together, whatever the settings: a week of film with a dozen tracks. */
export const MAX_PACKETS = 500_000_000;
/** Films of a few pictures may show each for as long as they like. */
export const FRAMES_WITHOUT_QUESTION = 10_000;
/** A pixel is at most this many times wider than high, or higher than wide. */
export const MAX_PIXEL_ASPECT = 16;
/** Of one picture. */
export const MAX_PIXELS = 16_384 * 8_192;
