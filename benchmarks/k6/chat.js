// What both scripts share: the load, the metrics, the REST calls, and one chat session on a socket.
//
// A session does the work that benchmarks/load.py describes. `io` is the socket in the words of either k6 module:
// send(text), close(), every(ms, action), after(ms, action).

import http from 'k6/http';
import exec from 'k6/execution';
import { sleep } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';

const AGENT_ID = 'bench-echo-agent';
const HEARTBEAT_MS = 30000;
const IS_LATE = __ENV.PROTOCOL === 'late';
const LONGEST = '2h';

export const load = {
  sessions: Number(__ENV.SESSIONS),
  runtimeMs: Number(__ENV.RUNTIME_MS),
  intervalMs: Number(__ENV.INTERVAL_MS),
  depth: Number(__ENV.DEPTH),
  messages: Number(__ENV.MESSAGES),
  journeys: Number(__ENV.JOURNEYS),
  rampMs: Number(__ENV.RAMP_MS),
};

export const options = {
  scenarios: {
    chat: {
      executor: 'per-vu-iterations',
      vus: load.sessions,
      iterations: load.journeys || 1,
      maxDuration: LONGEST,
    },
  },
  summaryTrendStats: ['count', 'min', 'avg', 'med', 'p(95)', 'p(99)', 'max'],
};

const sessionCreation = new Trend('session_creation_ms', true);
const join = new Trend('ws_join_ms', true);
const appendLatency = new Trend('append_latency_ms', true);
const agentLatency = new Trend('agent_latency_ms', true);
const roundtrip = new Trend('message_roundtrip_ms', true);
const sent = new Counter('messages_sent');
const received = new Counter('messages_received');
const appended = new Counter('messages_appended');
const chunks = new Counter('agent_chunks');
const ackLatency = new Trend('ack_latency_ms', true);
const firstChunk = new Trend('agent_first_chunk_ms', true);
const success = new Rate('message_success_rate');

const TEXT = 'x'.repeat(Number(__ENV.TEXT_BYTES));
const JSON_HEADERS = { 'Content-Type': 'application/json' };

// Spreads the beginnings over the ramp; only a VU's first iteration waits.
export function waitForTurn() {
  if (__ITER === 0) {
    sleep((load.rampMs / 1000) * ((__VU - 1) / load.sessions));
  }
}

export function userId() {
  return `k6-${__ENV.RUN_ID}-${__VU}`;
}

export function socketUrl() {
  return `${__ENV.WS_URL}?${IS_LATE ? 'user_id' : 'participant_id'}=${userId()}&vsn=2.0.0`;
}

export function createSession() {
  const metadata = { run_id: __ENV.RUN_ID };
  const body = IS_LATE
    ? { user_id: userId(), agent_id: AGENT_ID, metadata }
    : { sender_id: userId(), recipient_id: AGENT_ID, metadata };
  const answer = http.post(`${__ENV.API_URL}/sessions`, JSON.stringify(body), { headers: JSON_HEADERS });
  if (answer.status !== 201) {
    exec.test.abort(`no session: ${answer.status} ${answer.body}`);
  }
  sessionCreation.add(answer.timings.duration);
  return answer.json('session.id');
}

export function deleteSession(id) {
  http.del(`${__ENV.API_URL}/sessions/${id}`, null, { tags: { name: 'DELETE session' } });
}

export class Chat {
  constructor(sessionId, io) {
    this.topic = `session:${sessionId}`;
    this.userId = userId();
    this.io = io;
    this.ref = 0;
    this.made = 0;
    this.sentAt = {};
    this.sentByRef = {};
    this.unanswered = [];
    this.answered = 0;
    this.streaming = false;
    this.over = false;
  }

  open() {
    this.joinRef = this.push('phx_join', {});
    this.joinSentAt = Date.now();
    this.io.every(HEARTBEAT_MS, () => {
      this.io.send(JSON.stringify([null, this.nextRef(), 'phoenix', 'heartbeat', {}]));
    });
  }

  nextRef() {
    this.ref += 1;
    return String(this.ref);
  }

  push(event, payload) {
    const ref = this.nextRef();
    this.io.send(JSON.stringify([this.joinRef || ref, ref, this.topic, event, payload]));
    return ref;
  }

  say() {
    if (this.over) {
      return;
    }
    this.made += 1;
    const clientRef = `${this.userId}-${__ITER}-${this.made}`;
    const now = Date.now();
    this.sentAt[clientRef] = now;
    const ref = this.push('send', { content: { kind: 'text', content: { text: TEXT, client_ref: clientRef }, metadata: {} } });
    if (IS_LATE) {
      this.sentByRef[ref] = now;
    }
    sent.add(1);
  }

  receive(text) {
    const frame = JSON.parse(text);
    const payload = frame[4];
    switch (frame[3]) {
      case 'message':
        received.add(1);
        if (payload.sender_id === this.userId) {
          this.onOwn(payload.content.client_ref);
        } else {
          this.onAgent();
        }
        break;
      case 'phx_reply':
        if (frame[1] === this.joinRef) {
          this.onJoined(payload.status);
        } else if (frame[1] === this.leaveRef) {
          this.io.close();
        } else if (frame[2] === this.topic) {
          this.onReply(frame[1], payload.status);
        }
        break;
      case 'stream_chunk':
        chunks.add(1);
        if (!this.streaming) {
          this.streaming = true;
          this.onFirstChunk();
        }
        break;
      default:
    }
  }

  onJoined(status) {
    if (status !== 'ok') {
      this.io.close();
      return;
    }
    join.add(Date.now() - this.joinSentAt);
    if (load.journeys) {
      this.say();
      return;
    }
    this.io.after(load.runtimeMs, () => this.leave());
    if (load.depth) {
      for (let k = 0; k < load.depth; k += 1) {
        this.say();
      }
    } else if (load.intervalMs) {
      this.io.every(load.intervalMs, () => this.say());
    }
  }

  // The late protocol replies to each send; the early one only to those that it refuses.
  onReply(ref, status) {
    const sentAt = this.sentByRef[ref];
    delete this.sentByRef[ref];
    if (status !== 'ok') {
      success.add(false);
    } else if (sentAt !== undefined) {
      ackLatency.add(Date.now() - sentAt);
    }
  }

  onFirstChunk() {
    if (this.unanswered.length) {
      firstChunk.add(Date.now() - this.unanswered[0][0]);
    }
  }

  onOwn(clientRef) {
    const now = Date.now();
    const sentAt = this.sentAt[clientRef];
    if (sentAt === undefined) {
      return;
    }
    delete this.sentAt[clientRef];
    appendLatency.add(now - sentAt);
    appended.add(1);
    success.add(true);
    this.unanswered.push([sentAt, now]);
    if (load.depth) {
      this.say();
    }
  }

  onAgent() {
    this.streaming = false;
    const asked = this.unanswered.shift();
    if (asked !== undefined) {
      const now = Date.now();
      roundtrip.add(now - asked[0]);
      agentLatency.add(now - asked[1]);
    }
    this.answered += 1;
    if (load.journeys) {
      if (this.answered < load.messages) {
        this.say();
      } else {
        this.leave();
      }
    }
  }

  leave() {
    this.over = true;
    this.leaveRef = this.push('phx_leave', {});
  }
}

export function handleSummary(data) {
  return { [__ENV.SUMMARY]: JSON.stringify(data) };
}
