/** The demo's films: what a catalogue says of them, their pictures' formats, and what their narrators say when. */

export type FilmId = "paper-boat" | "night-train" | "fallen-star";

/** One thing that the narrator says, in every language of the film. */
export interface Line {
  /** Earliest start in the film, in seconds. */
  readonly at: number;
  /** By BCP 47 language. */
  readonly text: Readonly<Record<string, string>>;
}

export interface FilmLanguage {
  /** BCP 47. */
  readonly tag: string;
  /** As FFmpeg writes it into the container. */
  readonly iso639: string;
  readonly name: string;
  /** The espeak-ng voice. */
  readonly voice: string;
}

export interface Film {
  readonly id: FilmId;
  readonly title: string;
  readonly synopsis: string;
  readonly year: number;
  /** Lower case. */
  readonly genres: readonly string[];
  readonly credits: readonly {
    readonly name: string;
    readonly role: "cast" | "narrator";
    readonly character?: string;
  }[];
  /** Title and synopsis in the film's other languages, by BCP 47. */
  readonly localizations: Readonly<Record<string, { readonly title: string; readonly synopsis: string }>>;
  /** Audio and caption languages; the first is the original one. */
  readonly languages: readonly FilmLanguage[];
  readonly minimumAge: number;
  readonly width: number;
  readonly height: number;
  /** Frames a second as a fraction. */
  readonly frameRate: readonly [numerator: number, denominator: number];
  readonly seconds: number;
  readonly container: "mp4" | "mkv";
  /** Text codec inside the container. */
  readonly captionCodec: "mov_text" | "srt" | "webvtt";
  readonly lines: readonly Line[];
}

const ENGLISH: FilmLanguage = { tag: "en", iso639: "eng", name: "English", voice: "en-gb" };
const GERMAN: FilmLanguage = { tag: "de", iso639: "deu", name: "Deutsch", voice: "de" };
const FRENCH: FilmLanguage = { tag: "fr", iso639: "fra", name: "Français", voice: "fr-fr" };
const SPANISH: FilmLanguage = { tag: "es", iso639: "spa", name: "Español", voice: "es" };

/** The film that the demo imports first. */
export const MAIN_FILM: FilmId = "paper-boat";

export const films: Readonly<Record<FilmId, Film>> = {
  "paper-boat": {
    id: "paper-boat",
    title: "The Paper Boat",
    synopsis:
      "On the last rock before the open sea, an old lighthouse keeper folds his letters into paper boats and sends them out with a candle. One night a storm puts out every star, and one of them keeps going.",
    year: 2026,
    genres: ["animation", "drama", "family"],
    credits: [
      { name: "Anselm Roke", role: "cast", character: "The Keeper" },
      { name: "Mirela Sand", role: "cast", character: "The Girl" },
      { name: "Espe Akkers", role: "narrator" },
    ],
    languages: [ENGLISH, GERMAN],
    localizations: {
      de: {
        title: "Das Papierboot",
        synopsis:
          "Auf dem letzten Felsen vor dem offenen Meer faltet ein alter Leuchtturmwärter seine Briefe zu Papierbooten und schickt sie mit einer Kerze hinaus. Eines Nachts löscht ein Sturm alle Sterne, und eines der Boote fährt weiter.",
      },
    },
    minimumAge: 0,
    width: 1920,
    height: 1080,
    frameRate: [24, 1],
    seconds: 75,
    container: "mp4",
    captionCodec: "mov_text",
    lines: [
      {
        at: 8.8,
        text: {
          en: "On the last rock before the open sea, an old keeper tends his lamp.",
          de: "Auf dem letzten Felsen vor dem offenen Meer hütet ein alter Wärter sein Licht.",
        },
      },
      {
        at: 14.2,
        text: {
          en: "No ship has passed for forty years. Still, every night, he lights it.",
          de: "Seit vierzig Jahren fährt kein Schiff vorbei. Trotzdem zündet er es jede Nacht an.",
        },
      },
      {
        at: 22.8,
        text: {
          en: "In the long winters he writes letters, to nobody at all.",
          de: "In den langen Wintern schreibt er Briefe, an niemanden.",
        },
      },
      {
        at: 28,
        text: {
          en: "He folds each one into a paper boat, and sets a candle inside.",
          de: "Jeden faltet er zu einem Papierboot und stellt eine Kerze hinein.",
        },
      },
      {
        at: 34.9,
        text: {
          en: "The tide takes it out beyond the reef, under a wide and quiet moon.",
          de: "Die Flut trägt es hinaus, über das Riff, unter einen weiten, stillen Mond.",
        },
      },
      {
        at: 40,
        text: {
          en: "A whale wakes, looks at the small flame, and lets it pass.",
          de: "Ein Wal erwacht, sieht die kleine Flamme und lässt sie ziehen.",
        },
      },
      {
        at: 46.8,
        text: {
          en: "Then comes the storm, and puts out every star.",
          de: "Dann kommt der Sturm und löscht alle Sterne.",
        },
      },
      {
        at: 50.4,
        text: {
          en: "But far behind it the great lamp turns, and turns, and shows the way.",
          de: "Doch weit dahinter dreht sich die große Lampe und weist den Weg.",
        },
      },
      {
        at: 56,
        text: {
          en: "In the morning, on another shore, a girl is waiting on the pier.",
          de: "Am Morgen, an einem anderen Ufer, wartet ein Mädchen auf dem Steg.",
        },
      },
      {
        at: 61,
        text: {
          en: "She reads the letter twice. Then she lights a lantern of her own.",
          de: "Zweimal liest sie den Brief. Dann zündet sie ihre eigene Laterne an.",
        },
      },
      {
        at: 68,
        text: {
          en: "Now there are two lights on the sea, and neither of them is alone.",
          de: "Nun stehen zwei Lichter über dem Meer, und keines von beiden ist allein.",
        },
      },
    ],
  },
  "night-train": {
    id: "night-train",
    title: "Night Train to Aldermoor",
    synopsis:
      "The last train of the year climbs out of the valley, crosses the moon on a viaduct, and comes home to a village that left its windows lit.",
    year: 2025,
    genres: ["animation", "short"],
    credits: [
      { name: "Odette Varn", role: "cast", character: "The Driver" },
      { name: "Tomas Hel", role: "cast", character: "The Passenger" },
    ],
    languages: [ENGLISH, FRENCH],
    localizations: {
      fr: {
        title: "Train de nuit pour Aldermoor",
        synopsis:
          "Le dernier train de l'année quitte la vallée, traverse la lune sur un viaduc et rentre dans un village qui a laissé ses fenêtres allumées.",
      },
    },
    minimumAge: 0,
    width: 1280,
    height: 720,
    frameRate: [25, 1],
    seconds: 28,
    container: "mkv",
    captionCodec: "srt",
    lines: [
      {
        at: 6.6,
        text: {
          en: "The last train leaves the valley at twenty to midnight.",
          fr: "Le dernier train quitte la vallée à minuit moins vingt.",
        },
      },
      {
        at: 10.8,
        text: {
          en: "Nobody on board is going anywhere but home.",
          fr: "À bord, chacun ne va nulle part ailleurs que chez lui.",
        },
      },
      {
        at: 15.6,
        text: {
          en: "Between two mountains, for one breath, it crosses the moon.",
          fr: "Entre deux montagnes, le temps d'un souffle, il traverse la lune.",
        },
      },
      {
        at: 22.2,
        text: {
          en: "And in Aldermoor, every window has been left alight.",
          fr: "Et à Aldermoor, on a laissé toutes les fenêtres allumées.",
        },
      },
    ],
  },
  "fallen-star": {
    id: "fallen-star",
    title: "The Fox & the Fallen Star",
    synopsis:
      "A star lets go of the sky. A fox finds it among the roots, still warm, and has to decide what to do with so much light.",
    year: 2024,
    genres: ["animation", "family", "short"],
    credits: [{ name: "Vulpa", role: "cast", character: "Herself" }],
    languages: [ENGLISH, SPANISH],
    localizations: {
      es: {
        title: "El zorro y la estrella caída",
        synopsis:
          "Una estrella se suelta del cielo. Un zorro la encuentra entre las raíces, aún tibia, y tiene que decidir qué hacer con tanta luz.",
      },
    },
    minimumAge: 0,
    width: 1280,
    height: 536,
    frameRate: [24_000, 1001],
    seconds: 24,
    container: "mkv",
    captionCodec: "webvtt",
    lines: [
      {
        at: 3.6,
        text: {
          en: "One night a star grew tired of the sky, and let go.",
          es: "Una noche, una estrella se cansó del cielo y se soltó.",
        },
      },
      {
        at: 8,
        text: {
          en: "A fox found it among the roots. It was still warm.",
          es: "Un zorro la encontró entre las raíces. Aún estaba tibia.",
        },
      },
      {
        at: 12.2,
        text: {
          en: "She could have kept it. Nobody would have known.",
          es: "Podría haberla guardado. Nadie lo habría sabido.",
        },
      },
      { at: 17.2, text: { en: "But some lights are meant for everyone.", es: "Pero hay luces que son de todos." } },
    ],
  },
};

export function isFilmId(text: string): text is FilmId {
  return Object.hasOwn(films, text);
}

/** How many frames a film has. */
export function frameCount(film: Film): number {
  const [numerator, denominator] = film.frameRate;
  return Math.round((film.seconds * numerator) / denominator);
}
