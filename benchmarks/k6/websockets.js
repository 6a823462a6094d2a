// With the module k6/experimental/websockets: the WebSocket of browsers, on the event loop of each VU. Its name in 1.1.0.

import { WebSocket } from 'k6/experimental/websockets';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import { Chat, createSession, deleteSession, load, socketUrl, waitForTurn } from './chat.js';

export { handleSummary, options } from './chat.js';

export default function () {
  waitForTurn();
  const id = createSession();
  const socket = new WebSocket(socketUrl(), null, { tags: { name: 'socket' } });
  const intervals = [];
  const chat = new Chat(id, {
    send: (text) => socket.send(text),
    close: () => {
      intervals.forEach(clearInterval);
      socket.close();
    },
    every: (ms, action) => intervals.push(setInterval(action, ms)),
    after: (ms, action) => setTimeout(action, ms),
  });
  socket.onopen = () => chat.open();
  socket.onmessage = (event) => chat.receive(event.data);
  socket.onerror = (problem) => console.error(problem.error);
  socket.onclose = () => {
    if (load.journeys) {
      deleteSession(id);
    }
  };
}
