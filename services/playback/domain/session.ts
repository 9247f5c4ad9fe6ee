/** A play of a title on a device, as it is recorded: its start and its end. */

export interface Device {
  readonly id: string;
  readonly kind: "web" | "tv" | "mobile" | "";
  readonly displayName: string;
}

/** How a play ended. */
export type EndReason =
  | "stopped"
  | "expired"
  | "rights_ended"
  | "replaced"
  | "unavailable"
  | "signed_out"
  | "account_deleted"
  | "ended_elsewhere";

export interface PlaySession {
  readonly id: string;
  readonly accountId: string;
  readonly profileId: string;
  readonly titleId: string;
  readonly assetId: string;
  readonly displayTitle: string;
  readonly device: Device;
  readonly territory: string;
  readonly tier: string;
  readonly maximumAge: number;
  /** The viewer's sign-in session that started it. */
  readonly signInId: string;
  readonly durationMs: number;
  /** Where it began, or was last when it ended. */
  readonly positionMs: number;
  readonly startedAt: Date;
  /** The last sign of life; known when it has ended. */
  readonly seenAt: Date;
  /** Undefined where the right to show the title never ends. */
  readonly rightsEndAt: Date | undefined;
  readonly endedAt: Date | undefined;
  readonly endReason: EndReason | undefined;
}
