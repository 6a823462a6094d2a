// REST alone, late protocol: append a message, read the newest, look for it there, again without a pause.

import http from 'k6/http';
import { Counter, Trend } from 'k6/metrics';
import { createSession, load, userId, waitForTurn } from './chat.js';

export { handleSummary, options } from './chat.js';

const READ_BACK = 50;
const ALL = 1000000;
const HEADERS = { 'Content-Type': 'application/json' };
const TEXT = 'x'.repeat(Number(__ENV.TEXT_BYTES));

const appended = new Counter('messages_appended');
const read = new Counter('messages_read');
const missing = new Counter('replay_missing');
const appendLatency = new Trend('append_latency_ms', true);
const readLatency = new Trend('rest_read_ms', true);

export default function () {
  waitForTurn();
  const url = `${__ENV.API_URL}/sessions/${createSession()}/messages`;
  const endsAt = Date.now() + load.runtimeMs;
  for (let made = 0; Date.now() < endsAt; made += 1) {
    const clientRef = `${userId()}-${made}`;
    const body = JSON.stringify({ user_id: userId(), kind: 'text', content: { text: TEXT, client_ref: clientRef } });
    const answer = http.post(url, body, { headers: HEADERS, tags: { name: 'append' } });
    appendLatency.add(answer.timings.duration);
    appended.add(1);
    const seq = answer.json('message.seq');
    const page = http.get(`${url}?after_seq=${Math.max(0, seq - READ_BACK)}&limit=${ALL}`, { tags: { name: 'read' } });
    readLatency.add(page.timings.duration);
    const messages = page.json('messages');
    read.add(messages.length);
    if (!messages.some((each) => each.content.client_ref === clientRef && each.content.text === TEXT)) {
      missing.add(1);
    }
  }
}
