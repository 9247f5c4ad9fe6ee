/** A view that came to no play session, told by the profile that pressed play. */

import { derivedId } from "#pkg/clock/clock";

/**
 * The id under which it is counted beside play sessions. It is made of the profile and the id that the client gave, so
 * that nobody can tell of another's view or of a play session; and it says nobody's name.
 */
export function viewKey(profileId: string, viewId: string): string {
  return derivedId(profileId, viewId);
}
