import { ServerKafka, type CustomTransportStrategy, type KafkaOptions } from '@nestjs/microservices';
import kafkajs, { type Consumer } from 'kafkajs';
import {
  kafkaClient,
  kafkaConfig,
  KafkaIntake,
  type ClientOptions,
  type KafkaConnection,
  type KafkaIntakeParts,
  type LoopVitals,
} from '#intake';

export interface BatchServerParts<P> extends Omit<KafkaIntakeParts<P>, 'kafka'> {
  connection: KafkaConnection;
  allowPlaintext?: ClientOptions['allowPlaintext'];
}

/**
 * Nest's Kafka transport for partition work in place of message handlers: Nest's own gives out one message at a time
 * and blocks on a poisoned one. Connecting, status events and shutdown stay with Nest.
 *
 * ```ts
 * const strategy = new BatchServerKafka({ connection, group: 'tallystick', topics, work, log });
 * const app = await NestFactory.createMicroservice(ProjectorModule, { strategy });
 * await app.listen();
 * await strategy.ended; // rejects when the consumer ended for good: leave with a code other than 0
 * ```
 */
export class BatchServerKafka<P> extends ServerKafka implements CustomTransportStrategy {
  private readonly intake: KafkaIntake<P>;

  constructor({ connection, allowPlaintext, ...parts }: BatchServerParts<P>) {
    const client: ClientOptions = { log: parts.log, ...(allowPlaintext !== undefined && { allowPlaintext }) };
    const intake = new KafkaIntake({ ...parts, kafka: kafkaClient(connection, client) });
    const options: Required<KafkaOptions>['options'] = {
      client: kafkaConfig(connection, client),
      consumer: intake.consumerConfig(),
      // Answers to requests, of which there are none.
      producer: { createPartitioner: kafkajs.Partitioners.DefaultPartitioner, allowAutoTopicCreation: false },
      // Else Nest adds a word to the names of client and group.
      postfixId: '',
    };
    super(options);
    this.intake = intake;
  }

  /** Rejects with KafkaConsumerEnded when the consumer ended by itself for good; resolves after `close`. */
  get ended(): Promise<void> {
    return this.intake.ended;
  }

  vitals(): LoopVitals {
    return this.intake.vitals();
  }

  override async bindEvents(consumer: Consumer): Promise<void> {
    await this.intake.bind(consumer);
  }

  /** What is under way may end and be committed until the deadline; then the group is left. */
  override async close(): Promise<void> {
    this.intake.quiesce();
    await this.intake.finish(super.close());
  }
}
