/** What this browser can decrypt. */

/** Pictures and sound that every film has, encrypted as the packager encrypts. */
const CONFIGURATION: MediaKeySystemConfiguration = {
  initDataTypes: ["cenc"],
  videoCapabilities: [{ contentType: 'video/mp4; codecs="avc1.640028"', encryptionScheme: "cbcs" }],
  audioCapabilities: [{ contentType: 'audio/mp4; codecs="mp4a.40.2"', encryptionScheme: "cbcs" }],
};

/** Whether the browser has this key system of Encrypted Media Extensions; never outside a secure context. */
export async function supportsKeySystem(emeName: string): Promise<boolean> {
  if (!window.isSecureContext) return false;
  try {
    await navigator.requestMediaKeySystemAccess(emeName, [CONFIGURATION]);
    return true;
  } catch {
    return false;
  }
}
