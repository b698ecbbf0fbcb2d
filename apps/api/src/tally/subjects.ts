import { setImmediate } from 'node:timers/promises';
import { nameOf, type Name } from '#lifecycle';
import { ownFact } from '#intake';
import { withoutCredentials } from '#platform';
import { WrongUse } from './errors.js';
import type { Frames } from './frames.js';
import type { Answer, ReadParams } from './questions.js';
import type { Stores } from './stores.js';
import { instant, shown } from './when.js';

/**
 * Erases a person: the keys of their boxes are destroyed and stay so, then the ledger learns of it. States and
 * findings do not change, for they rest on keyed names (MODEL §2.6).
 */
export async function eraseSubject(
  params: ReadParams<'subject.erase'>,
  stores: Stores,
  frames: Frames,
): Promise<Answer> {
  const names = await everyName(subjectNames(params, stores), params.tenant, frames);
  const isKnown = await isNamed(names, stores);
  const now = stores.clock();
  const data: Record<string, unknown> = {};
  if (params.by !== undefined) data['by'] = params.by;
  for (const name of names) {
    stores.keys.erase(params.tenant, name, now);
    const known = stores.keys.erasedAt(params.tenant, name) ?? now;
    await stores.intake!.state([
      ownFact({
        type: 'subject.erased',
        tenant: params.tenant,
        subject: name,
        time: known,
        names: { sub: name },
        data,
      }),
    ]);
  }
  return {
    kind: 'value',
    value: {
      erased: names,
      at: shown(now),
      notes: isKnown ? [] : ['nothing in the ledger names this person; what comes later will be dropped'],
    },
  };
}

/** A person's names under every version of the secrets: boxes were sealed under each while it was the newest. */
async function everyName(names: readonly Name[], tenant: string, frames: Frames): Promise<Name[]> {
  const { links } = (await frames.frame({ tenant })).history;
  const all = new Set(names);
  for (const name of names) {
    const current = links.current(name);
    for (const each of [current, ...links.formerNames(current)]) all.add(each);
  }
  return [...all];
}

/** Rows after which other work has its turn. */
const TURN = 10_000;

/** Whether any fact speaks of one of these. Names are not indexed, and an erasure is rare: the ledger is read. */
async function isNamed(names: readonly Name[], stores: Stores): Promise<boolean> {
  let seen = 0;
  for (const { data } of stores.scan.scanAll({ to: await stores.ledger.head() })) {
    if (names.some((name) => data.includes(name))) return true;
    if (++seen % TURN === 0) await setImmediate();
  }
  return false;
}

function subjectNames(params: ReadParams<'subject.erase'>, stores: Stores): Name[] {
  if (params.name !== undefined) return [params.name];
  if (params.issuer === undefined || params.subject === undefined) {
    throw new WrongUse('subject', 'must be given as NAME, or as --issuer with --subject');
  }
  return stores.secrets
    .versions(params.tenant)
    .map((secrets) => nameOf(secrets, 'sub', params.issuer!, params.subject!));
}

/** As settings call their sources. */
const SOURCE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Takes a bad source's facts out of every answer known after this (MODEL §3.3); two persons must be named. */
export async function distrustSource(
  params: ReadParams<'source.distrust'>,
  stores: Stores,
  frames: Frames,
): Promise<Answer> {
  // A fact is for ever, and what cannot name a source may be a token: it is neither recorded nor repeated.
  if (!SOURCE_NAME.test(params.source) || withoutCredentials(params.source) !== params.source)
    throw new WrongUse('source', 'is no name of a source', 'Name it as `tally status` lists it; nothing was recorded.');
  const by = [...new Set(params.by.map((person) => person.trim()).filter((person) => person !== ''))];
  if (by.length < 2)
    throw new WrongUse(
      '--by',
      'must name two different persons',
      'Revocations of this source will no longer count: say who decided, twice.',
    );
  const data: Record<string, unknown> = { source: params.source, by };
  if (params.from !== undefined) data['from'] = instant('--from', params.from);
  if (params.to !== undefined) data['to'] = instant('--to', params.to);
  if (params.reason !== undefined) data['reason'] = params.reason;
  const frame = await frames.frame({ tenant: params.tenant });
  const isKnown = frames.sightingsOf(frame).clocks.clocks.has(params.source);
  const fact = ownFact({
    type: 'source.distrusted',
    tenant: params.tenant,
    subject: params.source,
    time: stores.clock(),
    data,
  });
  await stores.intake!.state([fact]);
  return {
    kind: 'value',
    value: {
      distrusted: params.source,
      from: shown(data['from'] as number | undefined),
      to: shown(data['to'] as number | undefined),
      by,
      notes: isKnown ? [] : [`no fact of ${params.source} is in the ledger; tally status lists the sources that are`],
    },
  };
}
