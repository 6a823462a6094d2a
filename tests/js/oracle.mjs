// The official client's own serializer and presence, asked case by case: a JSON list on stdin, the answers on stdout.
// encode: [join_ref, ref, topic, event, payload as hex] -> the binary frame as hex, or the error
// decode: a server's binary frame as hex -> [join_ref, ref, topic, event, payload]; bytes as {hex}
// presence: [["join"], ["presence_state", state], ["presence_diff", diff], …] -> the state after each
import { readFileSync } from "node:fs";
import { Presence, Serializer } from "phoenix";

const fromHex = (hex) => Uint8Array.from(Buffer.from(hex, "hex")).buffer;
const toHex = (buffer) => Buffer.from(buffer).toString("hex");

function encode([join_ref, ref, topic, event, hex]) {
  let frame;
  try {
    Serializer.encode({ join_ref, ref, topic, event, payload: fromHex(hex) }, (made) => (frame = made));
  } catch (problem) {
    return { error: problem.message };
  }
  return toHex(frame);
}

function decode(hex) {
  let message;
  Serializer.decode(fromHex(hex), (made) => (message = made));
  const { join_ref, ref, topic, event, payload } = message;
  const shown =
    payload instanceof ArrayBuffer ? { hex: toHex(payload) } : { ...payload, response: { hex: toHex(payload.response) } };
  return [join_ref, ref, topic, event, shown];
}

function presence(steps) {
  const handlers = {};
  let joinRef = 0;
  const known = new Presence({ on: (event, handler) => (handlers[event] = handler), joinRef: () => String(joinRef) });
  return steps.map(([event, payload]) => {
    if (event === "join") joinRef += 1;
    else handlers[event](payload);
    return JSON.parse(JSON.stringify(known.state));
  });
}

const ask = { encode, decode, presence };
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map(([what, given]) => ask[what](given))));
