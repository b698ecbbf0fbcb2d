import { persistent } from '../protocol.js';
import type { Group } from './group.js';
import { placeText } from './group-config.js';
import type { SubscriberFigures } from './group-statistics.js';
import type { Place } from './message.js';

const { SubscriptionInfo } = persistent;

/** A look at a group; rates count from the last look. */
export function infoOf(group: Group): persistent.SubscriptionInfo {
  const { stream, group: name, settings, startFrom } = group.config;
  const figures = group.figures();
  const text = (place: Place | undefined) => (place === undefined ? '' : placeText(stream, place));
  return new SubscriptionInfo()
    .setEventSource(stream)
    .setGroupName(name)
    .setStatus(figures.status)
    .setConnectionsList(figures.subscribers.map(connectionOf))
    .setAveragePerSecond(figures.perSecond)
    .setTotalItems(String(figures.total))
    .setCountSinceLastMeasurement(String(figures.sinceLastLook))
    .setLastCheckpointedEventPosition(text(figures.checkpoint))
    .setLastKnownEventPosition(text(figures.known))
    .setResolveLinkTos(settings.resolveLinks)
    .setStartFrom(startFrom.text)
    .setMessageTimeoutMilliseconds(settings.messageTimeoutMs)
    .setExtraStatistics(settings.extraStatistics)
    .setMaxRetryCount(settings.maxRetryCount)
    .setLiveBufferSize(settings.liveBufferSize)
    .setBufferSize(settings.historyBufferSize)
    .setReadBatchSize(settings.readBatchSize)
    .setCheckPointAfterMilliseconds(settings.checkpointAfterMs)
    .setMinCheckPointCount(settings.minCheckpointCount)
    .setMaxCheckPointCount(settings.maxCheckpointCount)
    .setReadBufferCount(figures.counts.history)
    .setLiveBufferCount(String(figures.counts.live))
    .setRetryBufferCount(figures.counts.retry)
    .setTotalInFlightMessages(figures.subscribers.reduce((sum, { inFlight }) => sum + inFlight, 0))
    .setOutstandingMessagesCount(figures.counts.outstanding)
    .setNamedConsumerStrategy(settings.strategy)
    .setMaxSubscriberCount(settings.maxSubscriberCount)
    .setParkedMessageCount(String(figures.parked));
}

function connectionOf(figures: SubscriberFigures): persistent.SubscriptionInfo.ConnectionInfo {
  return new SubscriptionInfo.ConnectionInfo()
    .setFrom(figures.from)
    .setUsername(figures.username)
    .setAverageItemsPerSecond(figures.perSecond)
    .setTotalItems(String(figures.total))
    .setCountSinceLastMeasurement(String(figures.sinceLastLook))
    .setObservedMeasurementsList(
      figures.measurements.map(({ key, value }) =>
        new SubscriptionInfo.Measurement().setKey(key).setValue(String(value)),
      ),
    )
    .setAvailableSlots(figures.free)
    .setInFlightMessages(figures.inFlight)
    .setConnectionName(figures.connectionName);
}
