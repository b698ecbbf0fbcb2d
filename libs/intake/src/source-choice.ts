import { OWN_SOURCE, profileOf, type SourceProfile } from '#lifecycle';
import { detectFormat, type JsonObject } from '#sources';
import type { PrepareOptions } from './prepare.js';

/** Whose a record is, and what the settings say of that source. */
export class SourceChoice {
  private readonly profiles = new Map<string, SourceProfile | undefined>();

  constructor(private readonly options: Pick<PrepareOptions, 'source' | 'settings' | 'route'>) {}

  /** The source of a record: as asked; by its format, the one profile of that format, else the format's default. */
  sourceOf(json: JsonObject): string | undefined {
    const { source, settings, route } = this.options;
    if (route !== undefined) {
      const to = route(json);
      return 'source' in to ? to.source : undefined;
    }
    if (source !== 'auto' && this.isProfile(source)) return source;
    const format = source === 'auto' ? detectFormat(json) : source;
    if (format === undefined) return undefined;
    if (Object.hasOwn(settings.sources, format)) return format;
    const named = Object.keys(settings.sources).filter((name) => settings.sources[name]!.format === format);
    return named.length === 1 ? named[0] : format;
  }

  private isProfile(source: string): boolean {
    return Object.hasOwn(this.options.settings.sources, source);
  }

  profile(source: string): SourceProfile | undefined {
    if (source === OWN_SOURCE) return undefined;
    if (!this.profiles.has(source)) this.profiles.set(source, profileOf(this.options.settings, source));
    return this.profiles.get(source);
  }
}
