/** The icons: strokes on a 24-unit grid, in the colour of the text. */

const PATHS = {
  play: "M7 4.5v15l12.5-7.5z",
  pause: "M7.5 4.5v15M16.5 4.5v15",
  back10:
    "M12 4.2a8.2 8.2 0 1 1-7.6 5.1M12 4.2 8.8 1.6M12 4.2 8.8 6.9M9 10.2v5.6M12.2 11.9a1.5 1.7 0 0 1 3 0v2.2a1.5 1.7 0 0 1-3 0z",
  forward10:
    "M12 4.2a8.2 8.2 0 1 0 7.6 5.1M12 4.2l3.2-2.6M12 4.2l3.2 2.7M9 10.2v5.6M12.2 11.9a1.5 1.7 0 0 1 3 0v2.2a1.5 1.7 0 0 1-3 0z",
  volume: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6M18 6.5a7.5 7.5 0 0 1 0 11",
  volumeLow: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM15.5 9a4 4 0 0 1 0 6",
  muted: "M4 9.5v5h3.5L12 18.5v-13L7.5 9.5zM16 9.5l5 5M21 9.5l-5 5",
  captions: "M3.5 5.5h17v13h-17zM7 12.2h4M7 15.2h7M14 12.2h3",
  audio: "M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zM19 16a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z",
  quality: "M4 7h9M17 7h3M4 12h3M11 12h9M4 17h11M19 17h1M15 5v4M9 10v4M17 15v4",
  speed: "M5 18a9 9 0 1 1 14 0M12 13l4-5",
  fullscreen: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  exitFullscreen: "M9 4v5H4M20 9h-5V4M15 20v-5h5M4 15h5v5",
  pip: "M3.5 5h17v14h-17zM12 12h5.5v4H12z",
  arrowLeft: "M11 5l-7 7 7 7M4 12h16",
  chevronLeft: "M14.5 5l-7 7 7 7",
  chevronRight: "M9.5 5l7 7-7 7",
  plus: "M12 5v14M5 12h14",
  check: "M4.5 12.5l5 5 10-11",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  bell: "M6 16.5V11a6 6 0 1 1 12 0v5.5l1.5 1.5h-15zM10 20.5h4",
  close: "M6 6l12 12M18 6 6 18",
  upload: "M12 16V5M7 9.5 12 4.5l5 5M4.5 19.5h15",
  retry: "M5 12a7 7 0 1 1 2.2 5.1M5 19v-4.5h4.5",
  warning: "M12 4 2.8 19.5h18.4zM12 10v4.5M12 17.2v.1",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 9.7h4M4 14.3h4M16 9.7h4M16 14.3h4",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20c1-4 4-5.5 7.5-5.5s6.5 1.5 7.5 5.5",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, filled = false }: { readonly name: IconName; readonly filled?: boolean }) {
  return (
    <svg
      viewBox="0 0 24 24"
      width="1.4em"
      height="1.4em"
      fill={filled ? "currentColor" : "none"}
      stroke="currentColor"
      strokeWidth="1.7"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
