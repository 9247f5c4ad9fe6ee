/** Turns Shaka Packager's one MPD into one for each ceiling (ISO/IEC 23009-1, on-demand profile). */

import { DOMParser, type Document, type Element, onWarningStopParsing, XMLSerializer } from "@xmldom/xmldom";
import { keyIdsPssh } from "./pssh.ts";
import type { AudioTrack, TextTrack, Track, VideoTrack } from "./revision.ts";

/** A packaged track as the manifests need it. */
export interface DashTrack {
  readonly track: Track;
  /** The file, relative to the manifest. */
  readonly file: string;
  /** 32 hex digits; undefined in the clear. */
  readonly keyId: string | undefined;
}

const MPD = "urn:mpeg:dash:schema:mpd:2011";
const CENC = "urn:mpeg:cenc:2013";
const ROLE = "urn:mpeg:dash:role:2011";
const SWITCHING = "urn:mpeg:dash:adaptation-set-switching:2016";
const PROTECTION = "urn:mpeg:dash:mp4protection:2011";
/** TV-Anytime: 1 is for the visually impaired, 2 for the hard of hearing. */
const AUDIO_PURPOSE = "urn:tva:metadata:cs:AudioPurposeCS:2007";

/** Codec of each packaged file (RFC 6381), as the packager found it in the media. */
export function codecsOf(mpd: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const representation of elements(parse(mpd), "Representation")) {
    const set = representation.parentNode as Element;
    const codecs = representation.getAttribute("codecs") ?? set.getAttribute("codecs");
    if (codecs) found.set(fileOf(representation), codecs);
  }
  return found;
}

/**
 * The manifest of these tracks. `mpd` is the packager's, with every packaged track in it; tracks that are not among
 * `tracks` are taken out of it, text is added. Throws a plain Error where a track is missing in `mpd`.
 */
export function dashManifest(mpd: string, tracks: readonly DashTrack[], systemIds: readonly string[]): string {
  const document = parse(mpd);
  const byFile = new Map(tracks.map((track) => [track.file, track]));
  const keyIds = [...new Set(tracks.flatMap(({ keyId }) => keyId ?? []))];
  const kept = new Set<string>();
  for (const representation of elements(document, "Representation")) {
    const file = fileOf(representation);
    if (byFile.has(file)) kept.add(file);
    else representation.parentNode?.removeChild(representation);
  }
  for (const set of elements(document, "AdaptationSet")) {
    const files = elements(set, "Representation").map(fileOf);
    if (files.length === 0) set.parentNode?.removeChild(set);
    else
      describeSet(
        document,
        set,
        files.flatMap((file) => byFile.get(file) ?? []),
        { keyIds, systemIds },
      );
  }
  for (const { file, track } of tracks) {
    if (track.kind !== "text" && !kept.has(file)) throw new Error(`${file} is not in the packager's manifest`);
  }
  const [period] = elements(document, "Period");
  if (period === undefined) throw new Error("the packager's manifest has no period");
  for (const { file, track } of tracks) if (track.kind === "text") appendText(document, period, file, track);
  renumber(document);
  if (document.documentElement !== null) layOut(document, document.documentElement, 0);
  return `${new XMLSerializer().serializeToString(document).trim()}\n`;
}

/** Every key of a manifest, and the systems that are told of them. */
interface ManifestKeys {
  readonly keyIds: readonly string[];
  readonly systemIds: readonly string[];
}

function describeSet(document: Document, set: Element, tracks: readonly DashTrack[], keys: ManifestKeys): void {
  for (const name of ["Label", "Role", "Accessibility", "ContentProtection", "SupplementalProperty"]) {
    for (const child of children(set, name)) {
      if (name === "SupplementalProperty" && child.getAttribute("schemeIdUri") !== SWITCHING) continue;
      set.removeChild(child);
    }
  }
  const [first] = tracks;
  if (first === undefined) return;
  const described = [...protectionOf(document, first.keyId, keys)];
  if (first.track.kind === "video") limitSizes(set, tracks);
  else {
    set.setAttribute("lang", first.track.language);
    if (first.track.kind === "audio") described.push(...audioRoles(document, first.track));
    described.push(element(document, "Label", {}, first.track.label));
  }
  for (const child of described) set.appendChild(child);
}

/** A system's key ids let a player ask for the licence before it has read any media. */
function protectionOf(document: Document, keyId: string | undefined, { keyIds, systemIds }: ManifestKeys): Element[] {
  if (keyId === undefined) return [];
  const scheme = element(document, "ContentProtection", { schemeIdUri: PROTECTION, value: "cbcs" });
  scheme.setAttributeNS(CENC, "cenc:default_KID", toUuid(keyId));
  const systems = systemIds.map((systemId) => {
    const system = element(document, "ContentProtection", { schemeIdUri: `urn:uuid:${systemId}` });
    const pssh = document.createElementNS(CENC, "cenc:pssh");
    // Every key of the manifest, the same in each set: one licence request instead of one for each set.
    pssh.appendChild(document.createTextNode(keyIdsPssh(systemId, keyIds).toString("base64")));
    system.appendChild(pssh);
    return system;
  });
  return [scheme, ...systems];
}

function audioRoles(document: Document, track: AudioTrack): Element[] {
  if (track.isDescription) {
    return [
      element(document, "Accessibility", { schemeIdUri: AUDIO_PURPOSE, value: "1" }),
      element(document, "Role", { schemeIdUri: ROLE, value: "description" }),
    ];
  }
  return [element(document, "Role", { schemeIdUri: ROLE, value: track.isDefault ? "main" : "alternate" })];
}

/** What the packager wrote for its whole set must hold for what is left of it. */
function limitSizes(set: Element, tracks: readonly DashTrack[]): void {
  const videos = tracks.map(({ track }) => track).filter((track): track is VideoTrack => track.kind === "video");
  const width = Math.max(...videos.map((video) => video.width));
  const height = Math.max(...videos.map((video) => video.height));
  for (const [name, value] of [
    ["maxWidth", width],
    ["maxHeight", height],
  ] as const) {
    if (set.hasAttribute(name)) set.setAttribute(name, String(value));
  }
}

function appendText(document: Document, period: Element, file: string, track: TextTrack): void {
  const set = element(document, "AdaptationSet", { contentType: "text", lang: track.language });
  const role = track.isForced ? "forced-subtitle" : track.isSdh ? "caption" : "subtitle";
  if (track.isSdh) set.appendChild(element(document, "Accessibility", { schemeIdUri: AUDIO_PURPOSE, value: "2" }));
  set.appendChild(element(document, "Role", { schemeIdUri: ROLE, value: role }));
  if (track.isDefault) set.appendChild(element(document, "Role", { schemeIdUri: ROLE, value: "main" }));
  set.appendChild(element(document, "Label", {}, track.label));
  const bandwidth = String(Math.max(1, Math.round(track.bitsPerSecond)));
  const representation = element(document, "Representation", { id: track.id, bandwidth, mimeType: "text/vtt" });
  representation.appendChild(element(document, "BaseURL", {}, file));
  set.appendChild(representation);
  period.appendChild(set);
}

/** Ids in order, and every video set naming the others, between which a player may switch. */
function renumber(document: Document): void {
  const sets = elements(document, "AdaptationSet");
  sets.forEach((set, index) => void set.setAttribute("id", String(index)));
  const videos = sets.filter((set) => set.getAttribute("contentType") === "video");
  for (const set of videos) {
    const others = videos.filter((other) => other !== set).map((other) => other.getAttribute("id"));
    if (others.length === 0) continue;
    set.appendChild(element(document, "SupplementalProperty", { schemeIdUri: SWITCHING, value: others.join(",") }));
  }
  for (const [index, representation] of elements(document, "Representation").entries()) {
    representation.setAttribute("id", String(index));
  }
}

function parse(mpd: string): Document {
  // The first thing that is wrong with it ends it; by default the rest would be guessed, and said on the console.
  return new DOMParser({ onError: onWarningStopParsing }).parseFromString(mpd, "text/xml");
}

function elements(within: Document | Element, name: string): Element[] {
  return [...within.getElementsByTagNameNS(MPD, name)];
}

function children(of: Element, name: string): Element[] {
  return elements(of, name).filter((child) => child.parentNode === of);
}

function fileOf(representation: Element): string {
  return elements(representation, "BaseURL")[0]?.textContent?.trim() ?? "";
}

function element(
  document: Document,
  name: string,
  attributes: Readonly<Record<string, string>>,
  text?: string,
): Element {
  const made = document.createElementNS(MPD, name);
  for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
  if (text !== undefined) made.appendChild(document.createTextNode(text));
  return made;
}

/** The schema's order of a set's children. */
const ORDER = [
  "AudioChannelConfiguration",
  "ContentProtection",
  "SupplementalProperty",
  "Label",
  "Accessibility",
  "Role",
  "Representation",
];

/** Puts every set in the schema's order, and each element on a line of its own. */
function layOut(document: Document, node: Element, depth: number): void {
  const within = [...node.childNodes].filter((child): child is Element => child.nodeType === 1);
  if (within.length === 0) return;
  for (const child of [...node.childNodes]) node.removeChild(child);
  const rank = (child: Element) => ORDER.indexOf(child.localName ?? "");
  const ordered = node.localName === "AdaptationSet" ? within.toSorted((a, b) => rank(a) - rank(b)) : within;
  for (const child of ordered) {
    node.appendChild(document.createTextNode(`\n${"  ".repeat(depth + 1)}`));
    node.appendChild(child);
    layOut(document, child, depth + 1);
  }
  node.appendChild(document.createTextNode(`\n${"  ".repeat(depth)}`));
}

function toUuid(keyId: string): string {
  return keyId.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
