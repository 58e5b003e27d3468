/** bench/RESULTS.md: a section a bench. Its figures are saved by a run, its remarks are written by hand. */
const REMARKS = '### Remarks';

/** The text of RESULTS.md with new figures of one bench; what stands under "### Remarks" in its section stays. */
export function withFigures(text: string, name: string, figures: string): string {
  const sections = text.trim().split(/\n(?=## )/);
  const found = sections.findIndex((section) => section.startsWith(`## ${name}\n`));
  const [, remarks] = sections[found]?.split(`\n${REMARKS}\n`) ?? [];
  const section = [`## ${name}`, figures, ...(remarks ? [REMARKS, remarks] : [])];
  sections.splice(found < 0 ? sections.length : found, 1, section.map((part) => part.trim()).join('\n\n'));
  return `${sections.map((each) => each.trim()).join('\n\n')}\n`;
}
