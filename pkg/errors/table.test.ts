import assert from "node:assert/strict";
import { AppError, defineErrors, inField } from "./errors.ts";

describe("a table of errors", () => {
  const errors = defineErrors({
    FILM_GONE: ["not_found", "there is no such film"],
    FILM_TOO_LONG: ["invalid_argument", (mostHours: number) => inField("film", `has more than ${mostHours} hours`)],
    FILM_BUSY: ["unavailable", (name: string) => `${name} is being made`],
  });

  it("makes an error of a row under the reason that is its key", () => {
    const cause = new Error("disk");
    const gone = errors.FILM_GONE(cause);
    assert.ok(gone instanceof AppError);
    assert.deepEqual(
      [gone.kind, gone.reason, gone.message, gone.cause],
      ["not_found", "FILM_GONE", "there is no such film", cause],
    );
    assert.equal("cause" in errors.FILM_GONE(), false);
  });

  it("says what is known when it is thrown, and names the field at fault", () => {
    assert.equal(errors.FILM_BUSY("Nosferatu").message, "Nosferatu is being made");
    const { message, fields } = errors.FILM_TOO_LONG(24);
    assert.equal(message, "film: has more than 24 hours");
    assert.deepEqual(fields, [{ field: "film", description: "has more than 24 hours" }]);
  });
});
