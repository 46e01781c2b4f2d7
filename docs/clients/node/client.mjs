// Binds a number through dyplsq, waits for the outcome, and receives callbacks. Node.js 18 or later; no packages.
//
//   export DYPLSQ_URL=http://127.0.0.1:8070 DYPLSQ_TOKEN=...        # of dyplsq serve, and dyplsq token new
//   node client.mjs bind order-1 FC100000000001 13900000001 '2099-01-31 23:59:59'
//
//   export WEBHOOK_SECRET=whsec_... PORT=8090                       # the secret of the endpoint
//   node client.mjs receive
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const { DYPLSQ_URL = 'http://127.0.0.1:8070', DYPLSQ_TOKEN = '', WEBHOOK_SECRET = '', PORT = '8090' } = process.env;

const WAIT = '30s';
const TIMEOUT_MS = 45_000; // longer than WAIT
const GIVE_UP_MS = 120_000; // a request is repeated for so long
const TOLERANCE_S = 300; // of a callback's timestamp
const MAX_BODY = 1 << 20;

/** An RFC 9457 problem that no repetition mends. */
class Problem extends Error {
  constructor(status, { title = 'not a problem of dyplsq', detail = '', errors = [] }) {
    super([`${status} ${title}. ${detail}`, ...errors.map((e) => `  ${e.field}: ${e.rule}; ${e.remedy}`)].join('\n'));
  }
}

/** Sends a request, again and again while the server is out of reach, overloaded or without Redis. */
async function call(method, path, headers = {}, body = undefined) {
  const deadline = Date.now() + GIVE_UP_MS;
  for (let pause = 500; ; pause = Math.min(2 * pause, 10_000)) {
    let why;
    let delay = pause * (0.5 + Math.random() / 2);
    try {
      const response = await fetch(DYPLSQ_URL + path, {
        method,
        headers: { Authorization: `Bearer ${DYPLSQ_TOKEN}`, ...headers },
        body,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const answer = await response.json().catch(() => ({}));
      if (response.ok && answer.id) return answer;
      if (response.status >= 400 && response.status < 500 && response.status !== 429) {
        throw new Problem(response.status, answer);
      }
      why = `${response.status} ${answer.title ?? ''}`;
      delay = Math.max(delay, 1000 * (Number(response.headers.get('Retry-After')) || 0));
    } catch (error) {
      if (error instanceof Problem) throw error;
      why = error.cause?.message ?? error.message; // refused, reset or timed out
    }
    if (Date.now() + delay > deadline) throw new Error(`gave up: ${why}; run it again with the same key`);
    console.error(`${why}; repeating in ${Math.round(delay)} ms`);
    await sleep(delay);
  }
}

/** Binds under a key. Whoever repeats it with the same key and request gets the same task, and one binding. */
async function bind(key, poolKey, phone, expiration) {
  const request = { PoolKey: poolKey, PhoneNoA: phone, Expiration: expiration };
  await call(
    'POST',
    '/v1/tasks',
    { 'Content-Type': 'application/json', 'Idempotency-Key': key },
    JSON.stringify({ action: 'BindAxn', request }),
  );
  let outcome;
  do {
    outcome = await call('GET', `/v1/tasks/${encodeURIComponent(key)}?wait=${WAIT}`);
  } while (outcome.state === 'pending');
  return outcome; // succeeded, failed or uncertain
}

/** Tells whether a callback is dyplsq's, by Standard Webhooks. The body must be as it came. */
function verify(headers, body) {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!id || !timestamp || !(age <= TOLERANCE_S)) return false;
  const secret = Buffer.from(WEBHOOK_SECRET.replace(/^whsec_/, ''), 'base64');
  const mac = createHmac('sha256', secret).update(`${id}.${timestamp}.`).update(body).digest('base64');
  const expected = Buffer.from(`v1,${mac}`);
  return (headers['webhook-signature'] ?? '').split(' ').some((signature) => {
    const given = Buffer.from(signature);
    return given.length === expected.length && timingSafeEqual(given, expected);
  });
}

async function receive(request, response) {
  const chunks = [];
  let size = 0;
  for await (const chunk of request) {
    size += chunk.length;
    if (size > MAX_BODY) return response.writeHead(413, { Connection: 'close' }).end();
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (request.method !== 'POST' || !verify(request.headers, body)) return response.writeHead(401).end();
  const event = JSON.parse(body.toString());
  // An event may come more than once: record its webhook-id, which is unique,
  // in the transaction that acts on it.
  const { id, call_id: callID, endpoint, state = '' } = event.data;
  console.log(`${request.headers['webhook-id']} ${event.type} ${id ?? callID ?? endpoint} ${state}`);
  return response.writeHead(204).end();
}

const [command, ...args] = process.argv.slice(2);
if (command === 'bind' && args.length === 4 && DYPLSQ_TOKEN) {
  try {
    const outcome = await bind(...args);
    console.log(JSON.stringify(outcome));
    process.exitCode = outcome.state === 'succeeded' ? 0 : 1;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
} else if (command === 'receive' && WEBHOOK_SECRET) {
  const server = createServer((request, response) => receive(request, response).catch(() => response.destroy()));
  server.listen(Number(PORT), '127.0.0.1', () => console.log(`receiving callbacks on 127.0.0.1:${PORT}`));
} else {
  console.error('usage: bind KEY POOL_KEY PHONE EXPIRATION (DYPLSQ_TOKEN) | receive (WEBHOOK_SECRET)');
  process.exitCode = 2;
}
