// An authorization server for one native, public client. Environment: PORT, CLIENT_ID, and the lifetimes in seconds
// ACCESS_TOKEN_TTL, REFRESH_TOKEN_TTL, DEVICE_CODE_TTL. Signs in whoever types a name, and asks for consent each time.
// Prints each token request's grant type and status; its answer to a refresh is held while the file HOLD exists.

import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import Provider from 'oidc-provider';

const { PORT, CLIENT_ID, ACCESS_TOKEN_TTL = '3600', REFRESH_TOKEN_TTL = '86400', DEVICE_CODE_TTL = '600', HOLD } = process.env;

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [{
    client_id: CLIENT_ID,
    application_type: 'native', // any loopback port, RFC 8252 section 7.3
    token_endpoint_auth_method: 'none',
    grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
    response_types: ['code'],
    redirect_uris: ['http://127.0.0.1/callback', 'http://[::1]/callback', 'http://localhost/callback'],
  }],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, name: 'Demo User', preferred_username: sub, email: `${sub}@example.com`, email_verified: true }),
  }),
  pkce: { required: () => true },
  rotateRefreshToken: true, // a refresh token that is used twice ends its whole family
  features: {
    devInteractions: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
  },
  ttl: {
    AccessToken: Number(ACCESS_TOKEN_TTL),
    AuthorizationCode: 60,
    DeviceCode: Number(DEVICE_CODE_TTL),
    Grant: 86400,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: Number(REFRESH_TOKEN_TTL),
    Session: 86400,
  },
  cookies: { keys: ['made up'] },
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route !== 'token') return;
  const grantType = ctx.oidc.params?.grant_type;
  console.log(`token ${grantType} ${ctx.status}`);
  while (HOLD && grantType === 'refresh_token' && existsSync(HOLD)) await sleep(20);
});

provider.listen(Number(PORT), '127.0.0.1');
