// A server that misbehaves as its client asks: the client_id is the name of a misbehaviour, or anything else for none.
// Environment: PORT. It signs in whoever comes, without a page.

import { createHmac } from 'node:crypto';
import { OAuth2Server } from 'oauth2-mock-server';

const HOUR = 3600;
const now = () => Math.floor(Date.now() / 1000);

// What is done to the ID token's (header, claims) before it is signed.
const signing = {
  'nonce-of-another-login': (_, claims) => { claims.nonce = 'another'; },
  'no-nonce': (_, claims) => { delete claims.nonce; },
  'iss-of-another-server': (_, claims) => { claims.iss = 'https://elsewhere.example'; },
  'iss-with-a-slash': (_, claims) => { claims.iss += '/'; },
  'aud-of-another-client': (_, claims) => { claims.aud = 'another'; },
  'aud-of-two-clients': (_, claims) => { claims.aud = [claims.aud, 'another']; },
  'azp-of-another-client': (_, claims) => { claims.azp = 'another'; },
  'exp-that-has-passed': (_, claims) => { claims.exp = now() - HOUR; },
  'no-exp': (_, claims) => { delete claims.exp; },
  'iat-to-come': (_, claims) => { claims.iat = now() + HOUR; },
  'nbf-to-come': (_, claims) => { claims.nbf = now() + HOUR; },
  'no-sub': (_, claims) => { delete claims.sub; },
  'sub-that-is-a-number': (_, claims) => { claims.sub = 1; },
  'at-hash-of-another-token': (_, claims) => { claims.at_hash = 'AAAAAAAAAAAAAAAAAAAAAA'; },
  'kid-that-is-unknown': (header) => { header.kid = 'unknown'; },
};

// What is done to the token endpoint's answer; `answer` is { statusCode, body }.
const answering = {
  'alg-none': ({ body }) => { body.id_token = resigned(body.id_token, 'none', () => ''); },
  'alg-hs256-with-the-public-key': ({ body }) => {
    const secret = JSON.stringify(server.issuer.keys.toJSON()[0]);
    const mac = (text) => createHmac('sha256', secret).update(text).digest('base64url');
    body.id_token = resigned(body.id_token, 'HS256', mac);
  },
  'signature-of-another-text': ({ body }) => {
    const [header, claims, signature] = body.id_token.split('.');
    body.id_token = [header, encode({ ...decode(claims), admin: true }), signature].join('.');
  },
  'id-token-that-is-no-jwt': ({ body }) => { body.id_token = 'no-jwt'; },
  'id-token-missing': ({ body }) => { delete body.id_token; },
  'error-with-200': (answer) => { answer.body = { error: 'invalid_grant', error_description: 'made up' }; },
  'error-with-400': (answer) => { answer.statusCode = 400; answer.body = { error: 'invalid_client' }; },
  'error-that-moves-the-cursor': (answer) => {
    answer.statusCode = 400;
    answer.body = { error: 'invalid_grant', error_description: 'made up\u001b[2J\u001b[1;1H\u202e' };
  },
  'access-token-that-is-a-number': ({ body }) => { body.access_token = 1; },
  'access-token-with-a-line-end': ({ body }) => { body.access_token = 'a\r\nCookie: b'; },
  'access-token-missing': ({ body }) => { delete body.access_token; },
  'token-type-mac': ({ body }) => { body.token_type = 'mac'; },
  'token-type-missing': ({ body }) => { delete body.token_type; },
  'expires-in-words': ({ body }) => { body.expires_in = 'soon'; },
  'expires-in-the-past': ({ body }) => { body.expires_in = -1; },
  'scope-that-is-a-list': ({ body }) => { body.scope = ['openid']; },
  'list-for-an-answer': (answer) => { answer.body = [answer.body]; },
  'text-for-an-answer': (answer) => { answer.body = 'made up'; },
  'no-error-with-400': (answer) => { answer.statusCode = 400; answer.body = {}; },
};

// What is done to the address that the browser is sent back to.
const redirecting = {
  'state-of-another-login': (url) => url.searchParams.set('state', 'another'),
  'state-missing': (url) => url.searchParams.delete('state'),
  'state-twice': (url) => url.searchParams.append('state', 'another'),
  'iss-of-another-server-in-the-redirect': (url) => url.searchParams.set('iss', 'https://elsewhere.example'),
  'code-missing': (url) => url.searchParams.delete('code'),
  'code-twice': (url) => url.searchParams.append('code', 'another'),
  'error-in-the-redirect': (url) => { url.searchParams.delete('code'); url.searchParams.set('error', 'access_denied'); },
};

// What is done to userinfo's answer.
const describing = {
  'userinfo-of-somebody-else': (answer) => { answer.body.sub = 'mallory'; },
  'userinfo-without-sub': (answer) => { answer.body = {}; },
  'userinfo-that-is-a-list': (answer) => { answer.body = ['johndoe']; },
  'userinfo-refused': (answer) => { answer.statusCode = 401; },
};

// What is done to the answer to a refresh, and to no other one.
const refreshing = {
  'refreshed-error-with-200': answering['error-with-200'],
  'refreshed-alg-none': answering['alg-none'],
  'refreshed-access-token-that-is-a-number': answering['access-token-that-is-a-number'],
};
const refreshSigning = {
  'refreshed-sub-of-somebody-else': (_, claims) => { claims.sub = 'mallory'; },
  'refreshed-aud-of-another-client': signing['aud-of-another-client'],
};

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));

function resigned(token, alg, sign) {
  const [header, claims] = token.split('.');
  const text = `${encode({ ...decode(header), alg })}.${claims}`;
  return `${text}.${sign(text)}`;
}

const refreshes = (req) => req.body.grant_type === 'refresh_token';
const server = new OAuth2Server();

server.service.on('beforeTokenSigning', ({ header, payload }, req) => {
  if (payload.aud === undefined) {
    payload.client_id = req.body.client_id; // the access token: userinfo is asked with it and nothing else
    return;
  }
  payload.jti = crypto.randomUUID(); // so that no two are the same
  signing[req.body.client_id]?.(header, payload);
  if (refreshes(req)) refreshSigning[req.body.client_id]?.(header, payload);
});
server.service.on('beforeResponse', (answer, req) => {
  answer.body.scope = 'openid profile email';
  answering[req.body.client_id]?.(answer);
  if (refreshes(req)) refreshing[req.body.client_id]?.(answer);
});
server.service.on('beforeAuthorizeRedirect', ({ url }, req) => redirecting[req.query.client_id]?.(url));
server.service.on('beforeUserinfo', (answer, req) => {
  const token = req.headers.authorization?.split(' ')[1] ?? '';
  describing[decode(token.split('.')[1]).client_id]?.(answer);
});
server.service.on('beforeIntrospect', (answer) => { answer.body = { active: false }; });

await server.issuer.keys.generate('RS256');
await server.start(Number(process.env.PORT), '127.0.0.1');
