/** What the server knows of the organisation that it serves. */
import { type SettingTable, textSetting } from './setting.js';

export const ORGANISATION_SETTINGS = {
  timeZone: textSetting(
    'TIME_ZONE',
    'UTC',
    'Time zone of the organisation, as in `America/New_York`: its days are those by which work is due, and its hours those at which exports are usual.',
  ),
} satisfies SettingTable;
