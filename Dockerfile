# Chartroom in a container: built in one stage, run in another that holds neither compiler nor development packages.
# The server refuses to listen beyond loopback without authentication, so a container needs at least
#   -e CHARTROOM_AUTH=token -e CHARTROOM_TOKENS=/etc/chartroom-tokens.json   and that file mounted.
FROM node:22-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Without scripts: `prepare` would build before the sources are here, and no dependency needs an install script.
RUN npm ci --ignore-scripts
COPY . .
RUN node build/make.mjs \
  && npm prune --omit=dev --ignore-scripts \
  && rm -rf build src tsconfig.json dist/build dist/test

FROM node:22-slim
ENV NODE_ENV=production \
    CHARTROOM_HOST=0.0.0.0 \
    CHARTROOM_PORT=8080 \
    CHARTROOM_DATA=/data
WORKDIR /app
# Owned by root: the server cannot change its own code.
COPY --from=build /app ./
RUN mkdir /data && chown node:node /data && chmod 700 /data
VOLUME /data
USER node
EXPOSE 8080
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.CHARTROOM_PORT}/healthz`).then(r => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "bin/chartroom.js", "serve"]
