/** What packages of a server are made with. */
import type { ItemPool } from './package/read/read-item.js';
import type { PreviewGround } from './preview-operation.js';

export interface PackageGround extends PreviewGround {
  readonly pool: () => ItemPool;
}
