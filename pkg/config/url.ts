/** URLs for printing: whatever could log somebody in is replaced. */

const SECRET_PARAMETER = /pass|secret|token|key|sig/i;

/** The URL without its password and secret parameters; text that is no URL comes back as it is. */
export function redactUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.password !== "") url.password = "redacted";
  for (const name of [...url.searchParams.keys()]) {
    if (SECRET_PARAMETER.test(name)) url.searchParams.set(name, "redacted");
  }
  return url.toString();
}
