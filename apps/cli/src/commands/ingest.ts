import type { Command } from 'commander';
import { EXIT, exitCodeOf } from '../exit-codes.js';
import { fileInput } from '../ingest/file-input.js';
import { ingestFile, type IngestedFile } from '../ingest/ingest-file.js';
import { Interrupted, Interruption } from '../ingest/interruption.js';
import { rejectionLine, reportLine, totalsOf } from '../ingest/totals.js';
import { printValue } from '../output/value.js';
import { shownJson } from '../output/escape.js';
import { readDocument } from '../read-document.js';
import { withTally } from '../session.js';
import { commonOf, verb, type Shell } from '../shell.js';

/** Rejections told one by one on a terminal. */
const TOLD = 20;

/** Exit codes of inputs that were not begun, for their command was wrong. */
const REFUSED: ReadonlySet<number> = new Set([EXIT.wrongUse, EXIT.notFound]);

export function addIngest(program: Command, shell: Shell): void {
  verb(program, 'ingest <files...>', 'take log files in; gzip too, `-` is standard input')
    .option('--source <name>', 'a source of the settings, a format, or auto: each line is recognised', 'auto')
    .option('--settings <file>', 'declare these settings first')
    .addHelpText(
      'after',
      '\nFormats: kong, apisix, envoy, tyk, apigee, keycloak, okta, cloudevents, cdevents.' +
        '\nRefused records do not stop the others: they are told, kept as dead letters, and the command ends well.',
    )
    .action(async (files: string[], flags: { source: string; settings?: string }, command: Command) => {
      const inputs = files.map((file) => fileInput(file, shell.stdin));
      const settings = flags.settings === undefined ? undefined : readDocument(flags.settings);
      const interruption = new Interruption();
      try {
        await withTally(
          command,
          shell,
          'write',
          async (tally) => {
            const { tenant, format } = commonOf(command, shell);
            if (settings !== undefined) await tally.ask('settings.declare', { tenant, settings });
            const done: IngestedFile[] = [];
            for (const input of inputs) {
              const options = { tenant, source: flags.source };
              const ingested = await ingestFile(input, tally, options, { interruption, talk: shell.talk });
              done.push(ingested);
              await tellFile(ingested, format, inputs.length, shell);
              if (ingested.error !== undefined) break;
            }
            await tellAll(done, format, shell);
          },
          interruption.signal,
        );
      } finally {
        interruption.ignore();
      }
    });
}

/** A file's own report, as soon as it is durable. */
async function tellFile(
  { file, answer, error }: IngestedFile,
  format: string,
  of: number,
  shell: Shell,
): Promise<void> {
  if (of === 1 || (error !== undefined && answer.records === 0) || format === 'json' || format === 'tsv') return;
  const cut = error === undefined ? '' : ' (broken off)';
  const { rejections: _told, sources: _sources, ...counts } = answer;
  if (format === 'ndjson') await shell.out.write(`${shownJson({ file, ...counts })}\n`);
  else await shell.out.write(`${file}${cut}: ${reportLine(answer)}\n`);
  await shell.out.flush();
}

async function tellAll(done: readonly IngestedFile[], format: string, shell: Shell): Promise<void> {
  const totals = totalsOf(done);
  const first = done[0];
  // Refused before anything was read: there is nothing to report.
  if (first?.error !== undefined && totals.records === 0 && REFUSED.has(exitCodeOf(first.error))) throw first.error;
  const { talk, out } = shell;
  for (const { file, ...rejection } of (totals.rejections ?? []).slice(0, TOLD))
    talk.say(rejectionLine(file, rejection));
  if (totals.rejected > TOLD) talk.say(`… and ${totals.rejected - TOLD} more: tally dead-letters list`);
  const assumed = new Map<string, number>();
  for (const { answer } of done)
    for (const { source, records, assumed: isAssumed } of answer.sources)
      if (isAssumed) assumed.set(source, (assumed.get(source) ?? 0) + records);
  for (const [source, records] of assumed)
    talk.say(`assumed for ${source} (${records} records): the defaults of its format; see tally settings show`);
  const broken = done.find(({ error }) => error !== undefined)?.error;
  if (broken !== undefined) talk.say('broken off; what is reported is in the ledger, durably');
  if (format === 'table') await out.write(`${reportLine(totals)}\n`);
  else await printValue(totals, format === 'json' ? 'json' : format === 'tsv' ? 'tsv' : 'ndjson', out);
  await out.flush();
  if (broken instanceof Interrupted) {
    talk.error(broken, format === 'json');
    shell.exitCode = broken.exitCode;
  } else if (broken !== undefined) throw broken;
}
