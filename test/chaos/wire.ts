import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** How a network fails: connections break and are refused, or nothing comes through and nobody is told. */
export type Failure = 'cut' | 'hang';

/** A network connection between a bot and one other side, to be cut: a proxy on loopback. */
export class Wire {
  readonly port: number;
  /** The port of the other side; known once that has started. */
  target = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #failure: Failure | undefined;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (near) => this.#join(near));
  }

  static async open(): Promise<Wire> {
    const server = createServer({ allowHalfOpen: false }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new Wire(server);
  }

  /** The same address on this side of the wire. */
  through(url: string): string {
    const address = new URL(url);
    this.target = Number(address.port);
    address.port = String(this.port);
    return address.href;
  }

  fail(how: Failure): void {
    this.#failure = how;
    for (const socket of this.#sockets) {
      if (how === 'cut') socket.resetAndDestroy();
      else socket.pause();
    }
  }

  mend(): void {
    this.#failure = undefined;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    if (this.#failure === 'cut') return void near.resetAndDestroy();
    const far = connect(this.target, '127.0.0.1');
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('data', (data) => other.write(data));
      one.on('end', () => other.end());
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      if (this.#failure === 'hang') one.pause();
    }
  }
}
