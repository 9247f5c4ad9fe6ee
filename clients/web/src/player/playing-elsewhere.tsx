/** What plays on the account's devices, where that is why nothing plays here: each can be stopped on the spot. */

import { toMatineeError } from "@matinee/sdk/errors";
import { PlaybackService } from "@matinee/sdk/gen/matinee/playback/v1/playback_service_pb";
import { useState } from "react";
import { useApp } from "../app-context.ts";
import { useQuery } from "../query.ts";
import { Button } from "../ui/button.tsx";
import { sentence } from "../ui/notice.tsx";
import styles from "./watch.module.css";

export function PlayingElsewhere({ onStopped }: { readonly onStopped: () => void }) {
  const { platform } = useApp();
  const plays = useQuery(["plays"], async (signal) => {
    const { playSessions } = await platform.client(PlaybackService).listPlaySessions({}, { signal });
    return playSessions;
  });
  const [stopping, setStopping] = useState("");
  const [failure, setFailure] = useState("");

  const stop = async (name: string) => {
    if (stopping !== "") return;
    setStopping(name);
    try {
      await platform.client(PlaybackService).endPlaySession({ name });
      onStopped();
    } catch (cause) {
      setFailure(sentence(toMatineeError(cause).message));
      setStopping("");
    }
  };

  return (
    <>
      {plays.data !== undefined && plays.data.length > 0 && (
        <ul className={styles.elsewhere} aria-label="Playing now">
          {plays.data.map(({ name, displayTitle, deviceDisplayName }) => (
            <li key={name} data-testid="playing-elsewhere">
              <div>
                <strong dir="auto">{displayTitle}</strong>
                <span dir="auto">{deviceDisplayName}</span>
              </div>
              <Button
                isBusy={stopping === name}
                onClick={() => void stop(name)}
                aria-label={`Stop ${displayTitle} on ${deviceDisplayName}`}
              >
                Stop
              </Button>
            </li>
          ))}
        </ul>
      )}
      {failure !== "" && <p>{failure}</p>}
    </>
  );
}
