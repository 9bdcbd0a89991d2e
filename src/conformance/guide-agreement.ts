/**
 * Every process of a shared store must have the same guides: what one refuses by a profile another would take. The store keeps the hash of
 * the list, as a message that nobody acknowledges; a process with another list does not start.
 */
import { hashOfList, type ListedGuide } from '../fhir/guide-list.js';
import { fullName } from '../fhir/guide-name.js';
import { ConfigError } from '../platform/config.js';
import { untilUncontested } from '../store/outbox.js';
import type { Store } from '../store/store.js';

const GUIDES_TOPIC = 'guides';
/** There is one; of two that came at the same time the first counts. */
const MANY = 100;

interface AgreedGuides {
  readonly hash: string;
  /** `name@version`, in order. */
  readonly names: readonly string[];
}

type Notes = Pick<Store, 'shared' | 'pendingMessages' | 'commit'>;

/** Notes the guides where the store has none noted yet. Throws ConfigError where it has others. */
export async function agreeOnGuides(store: Notes, guides: readonly ListedGuide[]): Promise<void> {
  if (!store.shared) return;
  const own = noteOf(guides);
  let agreed = await readAgreed(store);
  if (!agreed) {
    await store.commit({ changes: [], messages: [{ topic: GUIDES_TOPIC, body: JSON.stringify(own) }] });
    agreed = await readAgreed(store);
  }
  if (agreed && agreed.hash !== own.hash)
    throw new ConfigError(
      `The processes of this store have other guides than this one. They have ${namesOf(agreed)}; this one has ${namesOf(own)}. Give this process the same (CHARTROOM_GUIDES, and the same order in guides.lock.json), or make its list the one that counts: chartroom ig accept.`,
    );
}

/** Makes these the guides that every process must have, from its next start on. */
export async function acceptGuideList(store: Notes, guides: readonly ListedGuide[]): Promise<void> {
  await untilUncontested(async () => {
    const pending = await store.pendingMessages(GUIDES_TOPIC, MANY);
    await store.commit({
      changes: [],
      acknowledges: pending.map(({ sequence }) => sequence),
      messages: [{ topic: GUIDES_TOPIC, body: JSON.stringify(noteOf(guides)) }],
    });
  });
}

async function readAgreed(store: Notes): Promise<AgreedGuides | undefined> {
  const [first] = await store.pendingMessages(GUIDES_TOPIC, 1);
  return first && (JSON.parse(first.body) as AgreedGuides);
}

const noteOf = (guides: readonly ListedGuide[]): AgreedGuides => ({
  hash: hashOfList(guides),
  names: guides.map(fullName),
});

const namesOf = ({ hash, names }: AgreedGuides): string =>
  names.length === 0 ? 'none' : `${names.join(', ')} (${hash.slice(0, 12)})`;
