// With the module k6/ws: one VU is one socket, and connect() returns when the socket is closed.

import ws from 'k6/ws';
import { Chat, createSession, deleteSession, load, socketUrl, waitForTurn } from './chat.js';

export { handleSummary, options } from './chat.js';

export default function () {
  waitForTurn();
  const id = createSession();
  ws.connect(socketUrl(), { tags: { name: 'socket' } }, (socket) => {
    const chat = new Chat(id, {
      send: (text) => socket.send(text),
      close: () => socket.close(),
      every: (ms, action) => socket.setInterval(action, ms),
      after: (ms, action) => socket.setTimeout(action, ms),
    });
    socket.on('open', () => chat.open());
    socket.on('message', (text) => chat.receive(text));
    socket.on('error', (problem) => console.error(problem.error()));
  });
  if (load.journeys) {
    deleteSession(id);
  }
}
