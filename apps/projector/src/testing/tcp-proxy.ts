import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A connection to a server that a test can slow down, cut, or leave without answers. */
export class TcpProxy {
  /** Ms that each piece of data waits. */
  delayMs = 0;
  /** Nothing passes, and nothing is refused: as a network that loses every packet. */
  isSilent = false;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async to(port: number): Promise<TcpProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, (server.address() as AddressInfo).port);
    server.on('connection', (near) => proxy.join(near, connect(port, '127.0.0.1')));
    return proxy;
  }

  /** Ends every connection at once; new ones are taken. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    this.server.close();
    await once(this.server, 'close');
  }

  private join(near: Socket, far: Socket): void {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(from);
      from.on('data', (data) => this.pass(data, from, to));
      from.on('error', () => to.destroy());
      from.on('close', () => {
        this.sockets.delete(from);
        to.destroy();
      });
    }
  }

  private pass(data: Buffer, from: Socket, to: Socket): void {
    if (this.isSilent) return;
    if (this.delayMs === 0) {
      to.write(data);
      return;
    }
    from.pause();
    setTimeout(() => {
      if (!to.destroyed) to.write(data);
      from.resume();
    }, this.delayMs);
  }
}
