// Crowds: each VU holds one session with a writer and many listeners on its event loop, and times each message from
// its send to the first and the last listener.

import { WebSocket } from 'k6/experimental/websockets';
import { Counter, Trend } from 'k6/metrics';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import { Chat, createSession, load, socketUrl, userId, waitForTurn } from './chat.js';

export { handleSummary, options } from './chat.js';

const LISTENERS = Number(__ENV.LISTENERS);
const first = new Trend('fan_out_first_ms', true);
const last = new Trend('fan_out_last_ms', true);
const deliveries = new Counter('deliveries_seen');

class Listener {
  constructor(id, underWay, onJoined) {
    this.topic = `session:${id}`;
    this.underWay = underWay;
    this.onJoined = onJoined;
    this.socket = new WebSocket(socketUrl(), null, { tags: { name: 'socket' } });
    this.socket.onopen = () => this.socket.send(JSON.stringify(['1', '1', this.topic, 'phx_join', {}]));
    this.socket.onmessage = (event) => this.receive(event.data);
  }

  receive(text) {
    const frame = JSON.parse(text);
    if (frame[3] === 'phx_reply' && frame[1] === '1') {
      this.onJoined();
    } else if (frame[3] === 'message') {
      deliveries.add(1);
      if (frame[4].sender_id === userId()) {
        this.take(frame[4].content.client_ref);
      }
    }
  }

  take(clientRef) {
    const now = Date.now();
    const message = this.underWay[clientRef];
    if (message === undefined) {
      return;
    }
    if (message.left === LISTENERS) {
      first.add(now - message.sentAt);
    }
    message.left -= 1;
    if (message.left === 0) {
      last.add(now - message.sentAt);
      delete this.underWay[clientRef];
    }
  }
}

export default function () {
  waitForTurn();
  const id = createSession();
  const intervals = [];
  const listeners = [];
  const underWay = {};
  const socket = new WebSocket(socketUrl(), null, { tags: { name: 'socket' } });
  const chat = new Chat(id, {
    send: (text) => socket.send(text),
    close: () => {
      intervals.forEach(clearInterval);
      listeners.forEach((listener) => listener.socket.close());
      socket.close();
    },
    every: (ms, action) => intervals.push(setInterval(action, ms)),
    after: (ms, action) => setTimeout(action, ms),
  });
  const say = chat.say.bind(chat);
  chat.say = () => {
    say();
    underWay[`${userId()}-${__ITER}-${chat.made}`] = { sentAt: Date.now(), left: LISTENERS };
  };
  let joined = 0;
  const onJoined = () => {
    joined += 1;
    if (joined === LISTENERS) {
      chat.open();
    }
  };
  socket.onopen = () => {
    for (let k = 0; k < LISTENERS; k += 1) {
      listeners.push(new Listener(id, underWay, onJoined));
    }
  };
  socket.onmessage = (event) => chat.receive(event.data);
}
