export type UsesMode = 'each' | 'minute' | 'summaries';
export type Assumed = Record<string, number>;
export interface Plan {
  rate: number;
  mode: UsesMode;
  records: number;
  events: number;
  share: number;
  partitions: number;
  cores: number;
  ledgers: number;
  writers: number;
  ledgerTbDay: number;
}
export const ASSUMPTIONS: Record<string, [number, string, string, string]>;
export const RATES: number[];
export const MODES: UsesMode[];
export const defaults: Assumed;
export function plan(rate: number, mode: UsesMode, assumed?: Assumed): Plan;
export function keptShare(tokensOfPartition: number, assumed: Assumed): number;
export function table(assumed?: Assumed): string;
export function assumptionTable(assumed?: Assumed): string;
