// Whether what runs in this container is ready: exit 0 or 1. TALLY_HEALTH_URL names another address.
const url = process.env.TALLY_HEALTH_URL ?? 'http://127.0.0.1:8080/readyz';
const answer = await globalThis.fetch(url, { signal: globalThis.AbortSignal.timeout(4000) }).catch(() => undefined);
process.exit(answer?.ok === true ? 0 : 1);
