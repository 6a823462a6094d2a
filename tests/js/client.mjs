// The official Phoenix client through a whole session; prints what it saw as one JSON line.
// node client.mjs <ws://host:port/socket> <participant> <session id> <parameter that names the participant>
import { Socket } from "phoenix";
import WebSocket from "ws";

const [endpoint, participant, session, parameter] = process.argv.slice(2);
const GIVE_UP_MS = 20000;
const seen = { messages: [], heartbeats: 0, closes: [] };

const giveUp = setTimeout(() => fail("not finished in time"), GIVE_UP_MS);

function fail(why) {
  console.error(JSON.stringify({ why, seen }));
  process.exit(1);
}

// The client calls logger(kind, message, data); its heartbeats' replies are seen in the raw frames instead.
const socket = new Socket(endpoint, {
  transport: WebSocket,
  params: { [parameter]: participant },
  heartbeatIntervalMs: 500, // also the time in which the reply must come
  reconnectAfterMs: () => GIVE_UP_MS,
});

const until = (condition) =>
  new Promise((resolve) => {
    const check = () => (condition() ? resolve() : setTimeout(check, 5));
    check();
  });

// A push's outcome as [status, response].
const outcome = (push) =>
  new Promise((resolve) => {
    for (const status of ["ok", "error", "timeout"]) push.receive(status, (response) => resolve([status, response]));
  });

socket.onMessage(({ topic, event, payload }) => {
  if (topic === "phoenix" && event === "phx_reply" && payload.status === "ok") seen.heartbeats += 1;
});
socket.onClose(({ code }) => seen.closes.push(code));
socket.onError((error) => fail(`socket error: ${error.message}`));
socket.connect();

const channel = socket.channel(`session:${session}`, {});
channel.on("message", (message) => seen.messages.push(message));
channel.onError(() => (seen.channelErrors = (seen.channelErrors ?? 0) + 1));
seen.join = await outcome(channel.join());

const stranger = socket.channel("session:01NOSUCHSESSION", {});
seen.refused = await outcome(stranger.join());
stranger.leave();

channel.push("send", { content: { kind: "text", content: { text: "hé", client_ref: "r1" }, metadata: { k: 1 } } });
await until(() => seen.messages.length === 2);
seen.malformed = await outcome(channel.push("send", { text: "no content" }));
await until(() => seen.heartbeats >= 2);

const inbox = socket.channel(`inbox:${participant}`, {});
seen.inbox = await outcome(inbox.join());

seen.leave = await outcome(channel.leave());
seen.stateAfterLeave = channel.state;
const again = socket.channel(`session:${session}`, {});
seen.rejoin = await outcome(again.join());

await new Promise((resolve) => socket.disconnect(resolve, 1000, "done"));
await until(() => seen.closes.length > 0 || !socket.isConnected());
clearTimeout(giveUp);
console.log(JSON.stringify(seen));
process.exit(0);
