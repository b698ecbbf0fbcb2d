import type { Product, Row } from './product.js';

/** For end-to-end specs: finds what must not be there, in every file and every answer of a product. */

const WINDOW = 12;
const STRIDE = 3;

/** What is looked for, in plain and in the encodings in which logs carry it. */
export class Sought {
  private readonly windows = new Map<string, string>();
  private readonly texts = new Map<string, string>();

  /** A secret: any run of it of 14 characters or more is a find, also in base64, base64url, hex and percent-encoding. */
  secret(label: string, value: string): this {
    const bytes = Buffer.from(value);
    const forms = [value, bytes.toString('hex'), bytes.toString('hex').toUpperCase()];
    // Base64 of the value with up to two bytes before it: its three alignments.
    for (const before of [0, 1, 2]) {
      const shifted = Buffer.concat([Buffer.alloc(before), bytes]);
      const inner = (text: string): string => text.replace(/=+$/, '').slice(before === 0 ? 0 : before + 1, -2);
      forms.push(inner(shifted.toString('base64')), inner(shifted.toString('base64url')));
    }
    forms.push(encodeURIComponent(value), [...bytes].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''));
    for (const form of forms) {
      for (let at = 0; at + WINDOW <= form.length; at += STRIDE) this.windows.set(form.slice(at, at + WINDOW), label);
    }
    if (value.length < WINDOW + STRIDE) this.text(label, value);
    return this;
  }

  /** A text of which only the whole is a find, in UTF-8 or in UTF-16. */
  text(label: string, value: string): this {
    this.texts.set(Buffer.from(value).toString('latin1'), label);
    this.texts.set(Buffer.from(value, 'utf16le').toString('latin1'), label);
    return this;
  }

  /** Labels of everything found in some bytes. */
  in(bytes: Buffer | string): string[] {
    const text = (typeof bytes === 'string' ? Buffer.from(bytes) : bytes).toString('latin1');
    const found = new Set<string>();
    for (let at = 0; at + WINDOW <= text.length; at++) {
      const label = this.windows.get(text.slice(at, at + WINDOW));
      if (label !== undefined) found.add(label);
    }
    for (const [value, label] of this.texts) if (text.includes(value)) found.add(label);
    return [...found];
  }

  /** `label in file` for every find in the data directory. */
  inFiles(product: Product): string[] {
    return product.files().flatMap(({ file, bytes }) => this.in(bytes).map((label) => `${label} in ${file}`));
  }

  /** `label in question` for every find in what the product answers to whoever does not ask for persons. */
  async inAnswers(product: Product, reports: readonly unknown[], asOf: string): Promise<string[]> {
    const answers = await answersToAll(product, asOf);
    answers.set('ingest', reports);
    return [...answers].flatMap(([question, answer]) =>
      this.in(JSON.stringify(answer)).map((label) => `${label} in ${question}`),
    );
  }
}

/** Every answer about a ledger that holds nothing personal. */
async function answersToAll(product: Product, asOf: string): Promise<Map<string, unknown>> {
  const out = new Map<string, unknown>();
  const exported = await product.export();
  out.set('export', exported);
  out.set('findings', await product.findings(asOf));
  const { rows } = await product.state(asOf);
  out.set('state', rows);
  const names = new Set([...rows.map((row) => String(row['name'])), ...exported.map(streamName)]);
  const shown: unknown[] = [];
  for (const name of names) {
    if (!/^[0-9a-f]{32}$/.test(name)) continue;
    shown.push(await told(() => product.value('token.show', { name, asOf })));
    shown.push(await told(() => product.history(name, asOf)));
  }
  out.set('token', shown);
  const letters = (await product.rows('deadletters.list', {})).rows;
  out.set('deadletters.list', letters);
  const ids = letters.map((letter) => String(letter['id']));
  out.set('deadletters.show', await Promise.all(ids.map((id) => product.value('deadletters.show', { id }))));
  out.set('deadletters.redrive', await product.value('deadletters.redrive', {}));
  out.set('deployment.list', (await product.rows('deployment.list', {})).rows);
  out.set('plan', await told(() => product.plan('v42', 'v41', asOf)));
  out.set('settings', await product.value('settings.show', {}));
  out.set('status', await product.value('status', {}));
  return out;
}

function streamName(event: Row): string {
  return String(event['subject']);
}

/** An answer, or the whole of the error that came in its place. */
async function told(ask: () => Promise<unknown>): Promise<unknown> {
  try {
    return await ask();
  } catch (error) {
    return error instanceof Error ? { ...error, message: error.message, stack: error.stack } : error;
  }
}
