import { FORMATS, profileOf, type Authority, type Settings } from '#lifecycle';
import { TOPICS, type Route } from '#intake';
import { detectFormat, type JsonObject } from '#sources';

/** What a topic may say: each stands for one class of authority, and its ACL decides who writes there. */
export type TopicClass = Exclude<Authority, 'claimed'>;

/** What one topic is taken for. */
export interface TopicRule {
  tenant: string;
  /** Of the product's own topics; a raw topic has the authority of its source. */
  authority?: TopicClass;
  /** Source or format of a raw topic. */
  source?: string;
}

/**
 * The source of a record of a topic: the declared source that a CloudEvent names itself; else the one declared source
 * of the topic's class and the record's format; else the format's own profile. Never one of another class: whoever may
 * write gateway events must not speak for an issuer.
 */
export function routeOf(rule: TopicRule, settings: Settings): (record: JsonObject) => Route {
  const { authority, source } = rule;
  if (source !== undefined) return () => ({ source });
  const declared = Object.keys(settings.sources);
  // Asked for each record, and settings do not change.
  const authorities = new Map(
    [...declared, ...FORMATS].map((name): [string, Authority | undefined] => [
      name,
      profileOf(settings, name)?.authority,
    ]),
  );
  const fittingOf = new Map(
    FORMATS.map((format): [string, string[]] => [
      format,
      declared
        .filter((name) => settings.sources[name]!.format === format && authorities.get(name) === authority)
        .sort(),
    ]),
  );
  return (record) => {
    const named = record['source'];
    if (typeof named === 'string' && Object.hasOwn(settings.sources, named)) {
      const own = authorities.get(named);
      if (own === authority) return { source: named };
      return {
        field: 'source',
        refused: `is a source of authority ${own}, and this topic is for ${authority} events`,
      };
    }
    const format = detectFormat(record);
    if (format === undefined) return { field: '(record)', refused: 'is of no format that is known' };
    const fitting = fittingOf.get(format) ?? [];
    if (fitting.length === 1) return { source: fitting[0]! };
    if (fitting.length > 1) {
      return {
        field: 'source',
        refused: `names none of the declared ${authority} sources of format ${format} (${fitting.join(', ')})`,
      };
    }
    if (authorities.get(format) === authority) return { source: format };
    return {
      field: 'source',
      refused: `belongs to no declared source of authority ${authority} (format ${format})`,
    };
  };
}

/** Why a raw topic cannot be read as its rule says; undefined if it can. */
export function faultOf({ source }: TopicRule, settings: Settings): string | undefined {
  if (source === undefined) return undefined;
  if ((FORMATS as readonly string[]).includes(source) || Object.hasOwn(settings.sources, source)) return undefined;
  return `${source} is neither a source of the settings nor a format (${FORMATS.join(', ')})`;
}

/** The product's own topics that a projector reads, for one tenant. */
export function ownTopics(tenant: string): Map<string, TopicRule> {
  return new Map(
    TOPICS.flatMap(({ name, authority }): [string, TopicRule][] =>
      authority === null ? [] : [[name, { tenant, authority }]],
    ),
  );
}

/** Reads `TOPIC=SOURCE`: a raw topic, and the source or format that fills it. Undefined if it is not of that form. */
export function rawTopicOf(text: string, tenant: string): [string, TopicRule] | undefined {
  const [topic, source, ...rest] = text.split('=');
  if (topic === undefined || source === undefined || rest.length > 0) return undefined;
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic) || source === '') return undefined;
  return [topic, { tenant, source }];
}
