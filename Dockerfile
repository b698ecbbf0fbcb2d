# syntax=docker/dockerfile:1.7
# The product: every role is a command of `tally`. Native modules are those of the Debian that runs them.

FROM node:22-bookworm-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 make g++ \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY package.json package-lock.json ./
# better-sqlite3 is built here where there is no binary of it; chdb brings its own for each platform.
RUN --mount=type=cache,target=/root/.npm npm ci
COPY nest-cli.json tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY libs libs
COPY apps apps
RUN npm run build && npm prune --omit=dev

FROM node:22-bookworm-slim AS run
ENV NODE_ENV=production TALLY_DATA=/data/ledger TALLY_KEYS=/keys
RUN groupadd --gid 10001 tally \
 && useradd --uid 10001 --gid tally --no-create-home --home-dir /data --shell /usr/sbin/nologin tally \
 && install -d -o tally -g tally -m 0700 /data /keys
WORKDIR /app
COPY --from=build --chown=root:root /src/package.json ./
COPY --from=build --chown=root:root /src/node_modules node_modules
COPY --from=build --chown=root:root /src/bin bin
COPY --from=build --chown=root:root /src/dist dist
# Read when it runs: the SQL of the tables and of the named queries.
COPY --from=build --chown=root:root /src/libs/analytics/migrations libs/analytics/migrations
COPY --from=build --chown=root:root /src/libs/analytics/queries libs/analytics/queries
COPY --chown=root:root infra/docker/healthy.mjs infra/docker/healthy.mjs
RUN ln -s /app/bin/tally.js /usr/local/bin/tally
USER 10001:10001
VOLUME ["/data", "/keys"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 CMD ["node", "/app/infra/docker/healthy.mjs"]
ENTRYPOINT ["tally"]
CMD ["up", "--host", "0.0.0.0", "--port", "8080", "--allow-plaintext", "api"]
