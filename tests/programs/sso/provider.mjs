// An OpenID provider for tests: whoever logs in is who he says. `POST /control` changes its ways:
// {"rotate": true} signs with another key from then on, {"seconds": n} is how long tokens last.
import crypto from "node:crypto";
import http from "node:http";
import { Provider } from "oidc-provider";

const given = JSON.parse(process.argv[2]);
const base = new URL(given.issuer).pathname.replace(/\/$/, "");
let seconds = given.seconds ?? 3600;
let generation = 0;
let callback;

function key() {
  const { privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 2048 });
  generation += 1;
  return { ...privateKey.export({ format: "jwk" }), kid: `key-${generation}`, use: "sig", alg: "RS256" };
}

function start() {
  const provider = new Provider(given.issuer, {
    clients: given.clients,
    jwks: { keys: [key()] },
    cookies: { keys: ["tests"] },
    claims: {
      openid: ["sub", "federated_claims"],
      email: ["email"],
      profile: ["name"],
      groups: ["groups"],
      "federated:id": [],
    },
    scopes: ["openid", "offline_access", "federated:id"],
    conformIdTokenClaims: false,
    pkce: { required: () => given.pkce ?? false },
    features: { rpInitiatedLogout: { enabled: true }, userinfo: { enabled: true } },
    issueRefreshToken: async () => true,
    ttl: { IdToken: () => seconds, AccessToken: () => seconds },
    async findAccount(ctx, id) {
      return {
        accountId: id,
        claims: async (use) => ({
          sub: id,
          name: id,
          email: `${id}@example.org`,
          ...(given.groupsInUserinfo && use === "id_token" ? {} : { groups: [`${id}-team`] }),
          federated_claims: { connector_id: "test", user_id: `${id}@connector` },
        }),
      };
    },
    async loadExistingGrant(ctx) {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope("openid email profile groups offline_access federated:id");
      await grant.save();
      return grant;
    },
  });
  provider.proxy = true;
  callback = provider.callback();
}

async function control(request, response) {
  const parts = [];
  for await (const part of request) parts.push(part);
  const wanted = JSON.parse(Buffer.concat(parts).toString());
  seconds = wanted.seconds ?? seconds;
  if (wanted.rotate) start();
  response.end("done");
}

process.stdin.on("end", () => process.exit(0)).resume();
start();
http
  .createServer((request, response) => {
    if (request.url === "/control") return control(request, response);
    request.originalUrl = request.url;
    if (base && request.url.startsWith(base)) request.url = request.url.slice(base.length) || "/";
    return callback(request, response);
  })
  .listen(given.port, "127.0.0.1", () => console.log("ready"));
