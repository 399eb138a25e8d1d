// The sockets of Workers in a namespace: net, http, dgram and dns work there unchanged.
import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { get } from 'node:http';
import { connect } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
import { type TestNetns, useTestbed } from '../support/testbed.js';
import { code, useWorkers } from '../support/workers.js';

const bed = useTestbed();
const { started } = useWorkers(bed);

describe('the sockets of a Worker', () => {
  const httpServer = code(`
    const server = require('node:http').createServer((request, response) => response.end(workerData));
    server.listen(8080, '127.0.0.1', () => send('listening'));
  `);

  /** What an HTTP server says to a program that runs there. */
  const ask = (host: TestNetns) =>
    host.run(
      process.execPath,
      '--eval',
      `fetch('http://127.0.0.1:8080/').then((one) => one.text()).then(console.log)`,
    );

  test('http: a server is reached from inside and from nowhere else, in two namespaces at once', async () => {
    const [first, second] = [await bed.makeNetns(), await bed.makeNetns()];
    for (const host of [first, second]) {
      await started(host.netns, httpServer, { eval: true, workerData: host.name });
    }
    expect(await ask(first)).toBe(`${first.name}\n`);
    expect(await ask(second)).toBe(`${second.name}\n`);
    const [error] = await once(get('http://127.0.0.1:8080/'), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('net: servers and clients are inside', async () => {
    const host = await bed.makeNetns();
    const { first: port } = await started<number>(
      host.netns,
      code(`
        const net = require('node:net');
        const server = net.createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
        server.on('listening', () => {
          const { port } = server.address();
          net.connect(port, '127.0.0.1').setEncoding('utf8').on('data', (text) => {
            send(text === 'hello' ? port : text);
          });
        });
      `),
    );
    expect(await host.run('ss', '-Hltn', `sport = :${port}`)).toContain(`127.0.0.1:${port}`);
    expect(spawnSync('ss', ['-Hltn', `sport = :${port}`]).stdout.toString()).toBe('');
    const [error] = await once(connect(port, '127.0.0.1'), 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('net: a client reaches what only its namespace has an address for', async () => {
    const host = await bed.makeNetns();
    await host.ip('address', 'add', '192.0.2.1/32', 'dev', 'lo');
    const { first } = await started(
      host.netns,
      code(`
        const net = require('node:net');
        const server = net.createServer((socket) => socket.end()).listen(0, '192.0.2.1', () => {
          const client = net.connect(server.address().port, '192.0.2.1', () => {
            send(client.localAddress);
          });
        });
      `),
    );
    expect(first).toBe('192.0.2.1');
  });

  test('dgram: datagrams stay inside', async () => {
    const host = await bed.makeNetns();
    const { worker, first: port } = await started<number>(
      host.netns,
      code(`
        const socket = require('node:dgram').createSocket('udp4');
        socket.on('message', (text) => send(String(text)));
        socket.bind(0, '127.0.0.1', () => send(socket.address().port));
      `),
    );
    expect(await host.run('ss', '-Hlun', `sport = :${port}`)).toContain(`127.0.0.1:${port}`);
    const heard: string[] = [];
    worker.on('message', (text: string) => heard.push(text));
    const outside = createSocket('udp4');
    outside.on('error', () => {}); // an answer that nobody is there
    outside.send('from outside', port, '127.0.0.1');
    const send = `
      const socket = require('dgram').createSocket('udp4');
      socket.send('from inside', ${port}, '127.0.0.1', () => socket.close());
    `;
    await host.run(process.execPath, '--eval', send);
    await vi.waitFor(() => expect(heard).toEqual(['from inside']));
    outside.close();
  });

  test('dns: a Resolver asks inside', async () => {
    const host = await bed.makeNetns();
    const { first } = await started<{ port: number; addresses: string[] }>(
      host.netns,
      code(`
        const server = require('node:dgram').createSocket('udp4');
        server.on('message', (query, { port, address }) => {
          const question = query.subarray(12, query.indexOf(0, 12) + 5);
          const header = Buffer.from('000081800001000100000000', 'hex');
          query.copy(header, 0, 0, 2);
          const answer = Buffer.from('c00c00010001000000000004c0000263', 'hex');
          server.send(Buffer.concat([header, question, answer]), port, address);
        });
        server.bind(0, '127.0.0.1', async () => {
          const { port } = server.address();
          const resolver = new (require('node:dns').promises.Resolver)();
          resolver.setServers(['127.0.0.1:' + port]);
          send({ port, addresses: await resolver.resolve4('inside.test') });
        });
      `),
    );
    expect(first.addresses).toEqual(['192.0.2.99']);
    const outside = new Resolver({ timeout: 200, tries: 1 });
    outside.setServers([`127.0.0.1:${first.port}`]);
    await expect(outside.resolve4('inside.test')).rejects.toMatchObject({
      code: expect.stringMatching(/^E(CONNREFUSED|TIMEOUT)$/),
    });
  });
});
