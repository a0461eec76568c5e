// The same as clients.py for Node, shorter: msal-node, @azure/identity and the Graph client sign in and
// page. Nothing here knows that the tenant is simulated; NODE_EXTRA_CA_CERTS names the certificate to trust.

const { ConfidentialClientApplication } = require("@azure/msal-node");
const { ClientCertificateCredential, ClientSecretCredential } = require("@azure/identity");
const { Client, PageIterator } = require("@microsoft/microsoft-graph-client");
const {
  TokenCredentialAuthenticationProvider,
} = require("@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials");
const assert = require("node:assert");

const { SIM_BASE: base, SIM_TENANT: tenant, SIM_CLIENT: id, SIM_SECRET: secret } = process.env;
const scopes = ["https://graph.microsoft.com/.default"];

async function main() {
  const app = new ConfidentialClientApplication({
    auth: {
      clientId: id,
      clientSecret: secret,
      authority: `${base}/${tenant}`,
      knownAuthorities: [new URL(base).host],
    },
  });
  const got = await app.acquireTokenByClientCredential({ scopes });
  assert(got.accessToken && got.expiresOn > new Date());
  console.log("ok msal-node: secret");

  const place = { authorityHost: base, disableInstanceDiscovery: true };
  const certificate = new ClientCertificateCredential(tenant, id, process.env.SIM_CERTIFICATE, place);
  assert((await certificate.getToken(scopes)).token);
  const credential = new ClientSecretCredential(tenant, id, secret, place);
  const wrong = new ClientSecretCredential(tenant, id, "wrong", place);
  await assert.rejects(wrong.getToken(scopes), /AADSTS7000215/);
  console.log("ok @azure/identity: secret, certificate, and a refusal");

  const client = Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(credential, { scopes }),
    baseUrl: `${base}/`,
    customHosts: new Set([new URL(base).hostname]),
  });
  const first = await client.api("/security/incidents").top(20).get();
  const seen = new Set();
  await new PageIterator(client, first, (incident) => seen.add(incident.id)).iterate();
  assert(seen.size > 40, `${seen.size} incidents`);
  await assert.rejects(client.api("/security/incidents/999999999").get(), { statusCode: 404 });
  console.log(`ok graph client: ${seen.size} incidents by its page iterator`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
