import { storedJson, type Fact, type PersonalBox, type RecordRef } from '#lifecycle';
import type { Draft } from '#sources';

/** Facts that a replay's first pass must see: they say something of another name than their own. */
export function joinsNames(draft: Draft): boolean {
  const { names, data } = draft;
  return (
    names.fam !== undefined ||
    data['parent'] !== undefined ||
    data['successor'] !== undefined ||
    draft.type === 'token.aliased' ||
    draft.type === 'token.renamed'
  );
}

/** The stored JSON of a draft's fact. */
export function storedText(
  draft: Draft,
  source: string,
  tenant: string,
  subject: string,
  record: RecordRef,
  personal: PersonalBox | undefined,
): string {
  const fact: Fact = {
    id: '',
    type: draft.type,
    source,
    tenant,
    subject,
    time: draft.time,
    names: draft.names,
    data: draft.data,
    record,
  };
  if (draft.version !== undefined) fact.version = draft.version;
  if (draft.gateway !== undefined) fact.gateway = draft.gateway;
  if (draft.region !== undefined) fact.region = draft.region;
  if (draft.api !== undefined) fact.api = draft.api;
  if (personal !== undefined) fact.personal = personal;
  return storedJson(fact);
}
