#!/usr/bin/env bash
# Walks through Matinee's JSON API with curl and jq: sign up, search, start a play, read the manifest, get a licence,
# and decrypt the first segment (the last with ffmpeg).
set -euo pipefail

usage='Usage: docs/walkthrough.sh URL [SEARCH]

  URL     where Matinee answers, such as http://localhost:8080, which `make demo` starts
  SEARCH  what to look for; without it, whatever is there

It needs curl and jq; ffmpeg, where it is there, decrypts at the end.'
case ${1:-} in
  -h | --help) printf '%s\n' "$usage"; exit 0 ;;
  '') printf '%s\n' "$usage" >&2; exit 2 ;;
esac
base=${1%/}
search=${2:-}
for tool in curl jq; do
  command -v "$tool" >/dev/null || { echo "walkthrough: $tool is not installed" >&2; exit 1; }
done
curl -sS -o /dev/null --max-time 10 "$base/healthz" || { echo "walkthrough: nothing answers at $base; \`make demo\` starts Matinee" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
token=

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
uuid() { cat /proc/sys/kernel/random/uuid; }

# rpc SERVICE/METHOD JSON: any method of any service is a POST of JSON to its name.
rpc() {
  curl -sS --fail-with-body "$base/matinee.$1" -d "$2" \
    -H 'content-type: application/json' -H 'connect-protocol-version: 1' \
    ${token:+-H "authorization: Bearer $token"}
}

say "1. Sign up. The answer holds an access token; every later call carries it."
answer=$(rpc profile.v1.ProfileService/SignUp "$(jq -n --arg id "$(uuid)" '{
  email: "walker-\($id)@example.test", password: "a long enough password", displayName: "Walker", requestId: $id}')")
token=$(jq -r .tokens.accessToken <<<"$answer")
jq '{account: .account.name, profile: .profile.name}' <<<"$answer"

say "2. Search, as a person types: the last word may be unfinished or misspelt."
found=$(rpc catalog.v1.CatalogService/SearchTitles "$(jq -n --arg q "$search" '{query: $q, pageSize: 5}')")
jq -r '.hits[]?.title | "   \(.displayTitle) (\(.releaseYear // "no year"))  \(.media.maxHeight // 0) lines"' <<<"$found"
title=$(jq -r '[.hits[]?.title | select(.availability.isAvailable)][0].name // empty' <<<"$found")
[ -n "$title" ] || { echo "nothing that can be played was found" >&2; exit 1; }

say "3. Start a play: availability, plan and stream slot are decided here."
play=$(rpc playback.v1.PlaybackService/StartPlayback "$(jq -n --arg t "$title" --arg id "$(uuid)" '{title: $t, requestId: $id,
  device: {id: "walkthrough-\($id)", kind: "KIND_WEB", displayName: "curl", formats: ["MANIFEST_FORMAT_DASH"],
           keySystems: ["KEY_SYSTEM_CLEARKEY"]}}')")
jq '{playSession: .playSession.name, title: .playSession.displayTitle, duration, resumePosition}' <<<"$play"
session=$(jq -r .playSession.name <<<"$play")
play_token=$(jq -r .playToken <<<"$play")
manifest_url=$base$(jq -r '.manifests[0].uri' <<<"$play")

say "4. Read the manifest. The session's token is in its path, so segments need nothing else."
curl -sS --fail-with-body "$manifest_url" -o "$work/manifest.mpd"
# The lowest video representation is the last one; its adaptation set says the id of its key.
tr -d '\n' <"$work/manifest.mpd" | sed 's/<AdaptationSet/\n<AdaptationSet/g' | grep 'contentType="video"' >"$work/video"
kid=$(sed -n 's/.*default_KID="\([^"]*\)".*/\1/p' "$work/video" | head -1 | tr -d -)
media=$(sed 's/<Representation/\n<Representation/g' "$work/video" | grep '<BaseURL>' |
  sed 's/.*bandwidth="\([0-9]*\)".*<BaseURL>\([^<]*\)<.*/\1 \2/' | sort -n | head -1 | cut -d' ' -f2)
echo "   lowest rendition: $media, key id: ${kid:-none, it is in the clear}"
curl -sS --fail-with-body -H 'range: bytes=0-786431' "${manifest_url%/*}/$media" -o "$work/start.mp4"

if [ -n "$kid" ]; then
  say "5. Get a licence: W3C ClearKey's JSON, with the play token as bearer."
  base64url() { base64 -w0 | tr '+/' '-_' | tr -d =; }
  key_id=$(printf '%b' "$(sed 's/../\\x&/g' <<<"$kid")" | base64url)
  license_url=$base$(jq -r '.licenseServers[] | select(.keySystem == "KEY_SYSTEM_CLEARKEY") | .uri' <<<"$play")
  licence=$(curl -sS --fail-with-body "$license_url" -H "authorization: Bearer $play_token" \
    -d "$(jq -n --arg kid "$key_id" '{kids: [$kid], type: "temporary"}')")
  jq '.keys |= map(.k = "(16 bytes)")' <<<"$licence"
  key=$(jq -r --arg kid "$key_id" '.keys[] | select(.kid == $kid) | .k' <<<"$licence" | tr '_-' '/+' |
    sed 's/$/==/' | base64 -d | od -An -tx1 | tr -d ' \n')
  decrypt=(-decryption_key "$key")
else
  say "5. No licence is needed: the title is in the clear."
  decrypt=()
fi

say "6. Decrypt and decode the first second."
frames=$(ffmpeg -nostdin -v error "${decrypt[@]}" -i "$work/start.mp4" -an -t 1 -f framemd5 - 2>"$work/ffmpeg.log" |
  grep -vc '^#' || true)
[ "${frames:-0}" -gt 0 ] || { cat "$work/ffmpeg.log" >&2; echo "nothing could be decoded" >&2; exit 1; }
echo "   decoded $frames frames"

say "7. Say where the player is, then stop: the position is kept, the stream slot is freed."
token=$play_token
rpc playback.v1.PlaybackService/Heartbeat "$(jq -n --arg s "$session" '{playSession: $s, position: "1s"}')" |
  jq '{heartbeatInterval}'
rpc playback.v1.PlaybackService/StopPlayback "$(jq -n --arg s "$session" '{playSession: $s, position: "1s"}')" >/dev/null
echo "   stopped"
