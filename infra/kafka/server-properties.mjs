/** Settings of a broker that is controller too; every count that a cluster would have more of is 1. */
export function serverProperties({ data, ports, tls, sasl, extra = {} }) {
  const secured = tls !== undefined || sasl !== undefined;
  const protocol = `${sasl === undefined ? '' : 'SASL_'}${tls === undefined ? 'PLAINTEXT' : 'SSL'}`;
  const own = `INTERNAL://127.0.0.1:${ports.internal}`;
  const clients = secured ? `${own},CLIENTS://127.0.0.1:${ports.clients}` : own;
  const settings = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.bootstrap.servers': `127.0.0.1:${ports.controller}`,
    listeners: `${clients},CONTROLLER://127.0.0.1:${ports.controller}`,
    'advertised.listeners': clients,
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': `INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT${secured ? `,CLIENTS:${protocol}` : ''}`,
    'log.dirs': data,
    // With the default session of 9 s a restart on the same directory takes 12 s.
    'broker.session.timeout.ms': 1500,
    'broker.heartbeat.interval.ms': 300,
    'group.min.session.timeout.ms': 1000,
    'group.initial.rebalance.delay.ms': 0,
    'auto.create.topics.enable': false,
    'default.replication.factor': 1,
    'min.insync.replicas': 1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
  };
  if (tls !== undefined) {
    Object.assign(settings, {
      'listener.name.clients.ssl.keystore.type': 'PEM',
      'listener.name.clients.ssl.keystore.location': tls.serverStore,
      'listener.name.clients.ssl.truststore.type': 'PEM',
      'listener.name.clients.ssl.truststore.location': tls.ca,
      'listener.name.clients.ssl.client.auth': tls.clientAuth === true ? 'required' : 'none',
    });
  }
  if (sasl !== undefined) {
    const security = 'org.apache.kafka.common.security';
    const plain = `${security}.plain.PlainLoginModule required user_${sasl.username}="${sasl.password}";`;
    const scram = `${security}.scram.ScramLoginModule required;`;
    Object.assign(settings, {
      'listener.name.clients.sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
      'listener.name.clients.plain.sasl.jaas.config': plain,
      'listener.name.clients.scram-sha-256.sasl.jaas.config': scram,
      'listener.name.clients.scram-sha-512.sasl.jaas.config': scram,
    });
  }
  const lines = Object.entries({ ...settings, ...extra }).map(([key, value]) => `${key}=${value}`);
  return `${lines.join('\n')}\n`;
}
