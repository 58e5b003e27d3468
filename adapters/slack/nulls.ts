/** What Slack sent, with the fields that are null left out: they count as absent. */
export const withoutNulls = <T>(sent: T): T =>
  JSON.parse(JSON.stringify(sent), (_key, value) => value ?? undefined);
