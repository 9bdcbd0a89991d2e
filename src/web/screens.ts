/**
 * The screens: where each is, what of it is loaded when, and who has a use for it (SCREENS of src/http/console.ts, by name). A screen has a folder of
 * its own in screens/, knows no other, and is loaded when it is opened.
 */
import lazy from 'preact-iso/lazy';
import type { ComponentType } from 'preact';
import { HOME } from './session/server.js';

export type ScreenName = 'today' | 'patients' | 'audit' | 'privacy' | 'administration' | 'explorer';

export interface ScreenRoute {
  /** With `:id` in the place of ids of resources. Names and identifiers stand in no address. */
  readonly path: string;
  readonly component: ComponentType<object>;
}

export interface Screen {
  readonly name: ScreenName;
  readonly home: string;
  /** The key that leads to it, after `g`. */
  readonly shortcut: string;
  readonly routes: readonly ScreenRoute[];
}

const at = (path: string): string => `${HOME}${path}`;

/** In the order of the navigation. */
export const ALL_SCREENS: readonly Screen[] = [
  {
    name: 'patients',
    home: at('patients'),
    shortcut: 'p',
    routes: [
      {
        path: at('patients'),
        component: lazy(() => import('./screens/patients/find.js').then(each => each.FindPatients)),
      },
    ],
  },
];
