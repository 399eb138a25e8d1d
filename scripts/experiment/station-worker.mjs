// The thread of a station: answers datagrams that come in, and sends some to others. It runs in the
// station's network namespace, so plain node:dgram is all it takes.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { parentPort } from 'node:worker_threads';

/** The service of RFC 862: sends back what it gets. */
const ECHO_PORT = 7;

/** @param {{ address: string }} request */
async function answer({ address }) {
  const socket = createSocket('udp4');
  socket.on('message', (datagram, from) => socket.send(datagram, from.port, from.address));
  socket.bind(ECHO_PORT, address);
  await once(socket, 'listening');
  return null;
}

/**
 * Sends numbered datagrams, one each `interval` milliseconds, or as soon as the one before is
 * answered, until `answers` came back or `tries` were sent and waited for.
 *
 * @param {{ address: string, answers: number, tries: number, interval: number }} request
 * @returns {Promise<number[]>} the round-trip times in milliseconds
 */
async function ask({ address, answers, tries, interval }) {
  const socket = createSocket('udp4');
  /** @type {bigint[]} */
  const sentAt = [];
  const times = [];
  let wake = () => {};
  socket.on('message', (datagram) => {
    const now = process.hrtime.bigint();
    times.push(Number(now - sentAt[datagram.readUInt32BE()]) / 1e6);
    wake();
  });
  try {
    for (let number = 0; number < tries && times.length < answers; number++) {
      const datagram = Buffer.alloc(56);
      datagram.writeUInt32BE(number);
      const answered = new Promise((resolve) => {
        wake = () => resolve(undefined);
        setTimeout(wake, interval);
      });
      sentAt[number] = process.hrtime.bigint();
      await new Promise((resolve, reject) => {
        socket.send(datagram, ECHO_PORT, address, (error) =>
          error === null ? resolve(undefined) : reject(error),
        );
      });
      await answered;
    }
  } finally {
    socket.close();
  }
  return times;
}

const actions = { answer, ask };

parentPort?.on('message', async ({ id, action, request }) => {
  try {
    parentPort?.postMessage({ id, result: await actions[action](request) });
  } catch (error) {
    parentPort?.postMessage({ id, error });
  }
});
