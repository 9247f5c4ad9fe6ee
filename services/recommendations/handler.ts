/** The recommendations service's contract onto its one use case. */

import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { RecommendationsService } from "#gen/matinee/recommendations/v1/recommendations_service_pb";
import { Row_Kind } from "#gen/matinee/recommendations/v1/row_pb";
import { requireId } from "#pkg/aip/resource-name";
import type { Handler } from "#pkg/rpc/call";
import type { RowKind } from "./domain/rows.ts";
import type { Rows } from "./rows.ts";

const KINDS = {
  continue_watching: Row_Kind.CONTINUE_WATCHING,
  my_list: Row_Kind.MY_LIST,
  new: Row_Kind.NEW,
} as const satisfies Record<RowKind, Row_Kind>;

export function recommendationsHandler(deps: {
  readonly rows: Rows;
  readonly maxRowItems: number;
}): Handler<typeof RecommendationsService> {
  return {
    async listRows({ profile, maxItems }) {
      const rows = await deps.rows.list(requireId("profiles", profile), maxItems === 0 ? deps.maxRowItems : maxItems);
      return {
        rows: rows.map(({ kind, items }) => ({
          kind: KINDS[kind],
          items: items.map(({ titleId, resumePositionMs }) => ({
            title: `titles/${titleId}`,
            ...(resumePositionMs === undefined ? {} : { resumePosition: durationFromMs(resumePositionMs) }),
          })),
        })),
      };
    },
  };
}
