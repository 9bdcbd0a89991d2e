/**
 * The screens: where each is, what of it is loaded when, and who has a use for it (SCREENS of src/http/console.ts, by name). A screen has a folder of
 * its own in screens/, knows no other, and is loaded when it is opened.
 */
import lazy from 'preact-iso/lazy';
import type { ComponentType } from 'preact';
import { HOME } from './session/server.js';

export type ScreenName =
  | 'today'
  | 'patients'
  | 'intake'
  | 'release'
  | 'audit'
  | 'privacy'
  | 'administration'
  | 'explorer';

export interface ScreenRoute {
  /** With `:id` in the place of ids of resources. Names and identifiers stand in no address. */
  readonly path: string;
  readonly component: ComponentType<object>;
  /** What of SCREENS its page is of use to, where that is less than the screen is. */
  readonly use?: string;
}

export interface Screen {
  readonly name: ScreenName;
  readonly home: string;
  /** Where else it goes on, beside what is below its home. */
  readonly also?: string;
  /** The key that leads to it, after `g`. */
  readonly shortcut: string;
  readonly routes: readonly ScreenRoute[];
}

const at = (path: string): string => `${HOME}${path}`;

/** A part of a module, loaded when it is opened. */
const part = <M>(load: () => Promise<M>, name: keyof M): ComponentType<object> =>
  lazy(() => load().then(module => module[name] as ComponentType<object>));

const chart = () => import('./screens/chart/chart.js');
const task = () => import('./tasks/task-page.js');
const intake = () => import('./screens/intake/desk.js');
const request = () => import('./screens/release/request.js');
const administration = () => import('./screens/administration/administration.js');
const edit = () => import('./screens/patients/edit.js');
const audit = () => import('./screens/audit/ask.js');

/** In the order of the navigation. */
export const ALL_SCREENS: readonly Screen[] = [
  {
    name: 'patients',
    home: at('patients'),
    also: at('chart'),
    shortcut: 'p',
    routes: [
      { path: at('patients'), component: part(() => import('./screens/patients/find.js'), 'FindPatients') },
      { path: at('patients/new'), component: part(edit, 'RegisterPatient'), use: 'register-patient' },
      { path: at('patients/:id/edit'), component: part(edit, 'EditPatient'), use: 'edit-patient' },
      { path: at('chart/:id'), component: part(chart, 'Chart') },
      { path: at('chart/:id/:part'), component: part(chart, 'Chart') },
      {
        path: at('chart/:id/resource/:type/:of'),
        component: part(() => import('./screens/chart/resource.js'), 'ResourceOfChart'),
      },
      {
        path: at('chart/:id/document/:of'),
        component: part(() => import('./screens/document/document.js'), 'DocumentPage'),
      },
    ],
  },
  {
    name: 'today',
    home: at('today'),
    shortcut: 't',
    routes: [
      { path: at('today'), component: part(() => import('./screens/today/today.js'), 'Today') },
      { path: at('today/:id'), component: part(task, 'TaskPage') },
    ],
  },
  {
    name: 'intake',
    home: at('intake'),
    shortcut: 'i',
    routes: [
      { path: at('intake'), component: part(intake, 'IntakeDesk') },
      { path: at('intake/:part'), component: part(intake, 'IntakeDesk') },
      { path: at('intake/batch/:id'), component: part(intake, 'BatchPage') },
      { path: at('intake/scan/:id'), component: part(() => import('./screens/intake/scan.js'), 'ScanPage') },
    ],
  },
  {
    name: 'release',
    home: at('release'),
    shortcut: 'r',
    routes: [
      { path: at('release'), component: part(() => import('./screens/release/desk.js'), 'ReleaseDesk') },
      { path: at('release/:id'), component: part(request, 'ReleaseRequest') },
    ],
  },
  {
    name: 'audit',
    home: at('audit'),
    shortcut: 'a',
    routes: [
      { path: at('audit'), component: part(audit, 'AskTrail') },
      { path: at('audit/patient/:id'), component: part(audit, 'AskTrail') },
      {
        path: at('audit/ledger'),
        component: part(() => import('./screens/audit/ledger.js'), 'TrailLedger'),
      },
    ],
  },
  {
    name: 'privacy',
    home: at('privacy'),
    shortcut: 'v',
    routes: [
      { path: at('privacy'), component: part(() => import('./screens/privacy/privacy.js'), 'Privacy') },
      { path: at('privacy/:id'), component: part(task, 'TaskPage') },
    ],
  },
  {
    name: 'administration',
    home: at('administration'),
    shortcut: 'n',
    routes: [
      { path: at('administration'), component: part(administration, 'Administration') },
      { path: at('administration/:part'), component: part(administration, 'Administration') },
    ],
  },
  {
    name: 'explorer',
    home: at('explorer'),
    shortcut: 'e',
    routes: [
      {
        path: at('explorer'),
        component: part(() => import('./screens/explorer/explore.js'), 'Explore'),
      },
    ],
  },
];
