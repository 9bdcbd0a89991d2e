/** What stands around every page: landmarks, navigation, notices. */
import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso/router';
import { ZONE } from '../fhir/show.js';
import { waiting } from '../fhir/client.js';
import { say } from '../messages/common.js';
import { ALL_SCREENS } from '../screens.js';
import { useCell } from '../session/cell.js';
import { HOME, SERVER } from '../session/server.js';
import { mayUse, session, signOut } from '../session/session.js';
import { LiveRegion } from '../ui/announce.js';
import { Shortcuts } from './shortcuts.js';
import { TimeOutWarning } from './time-out-warning.js';

export function Layout({ children }: { readonly children: ComponentChildren }) {
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        {say('skip')}
      </a>
      <Header />
      {SERVER.authentication === 'none' && <NobodyAsked />}
      <WaitingNotice />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <Footer />
      <LiveRegion />
      <TimeOutWarning />
    </>
  );
}

function toMain(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

function Header() {
  const known = useCell(session);
  return (
    <header class="top">
      <div class="bar">
        <a class="brand" href={HOME}>
          Chartroom
        </a>
        {known?.token !== undefined && (
          <div class="account">
            {known.user !== undefined && <span>{say('signed-in-as', { user: known.user })}</span>}
            {known.role !== undefined && <span class="role">{say('role', { role: known.role })}</span>}
            <button type="button" class="link" onClick={() => void signOut('asked')}>
              {say('sign-out')}
            </button>
          </div>
        )}
      </div>
      {known !== undefined && <Navigation />}
    </header>
  );
}

function Navigation() {
  const { path } = useLocation();
  const screens = ALL_SCREENS.filter(({ name }) => mayUse(name));
  return (
    <nav class="screens" aria-label={say('nav')}>
      <ul>
        {screens.map(({ name, home, also = home }) => (
          <li key={name}>
            <a
              href={home}
              aria-current={
                path === home ? 'page' : [home, also].some(each => path.startsWith(`${each}/`)) ? 'true' : undefined
              }
            >
              {say(`nav.${name}`)}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  );
}

const NobodyAsked = () => (
  <aside class="nobody" aria-label={say('nobody-asked')}>
    <p>
      <strong>{say('nobody-asked')}</strong> {say('nobody-asked.more')}
    </p>
  </aside>
);

function WaitingNotice() {
  const now = useCell(waiting);
  if (!now) return null;
  return (
    <div class="waiting" role="status">
      <p>{say(`waiting.${now.why}`, { n: now.seconds })}</p>
    </div>
  );
}

const Footer = () => (
  <footer>
    <ul>
      <li>{say('footer.zone', { zone: ZONE })}</li>
      <li>{say('footer.server', { name: SERVER.name, version: SERVER.version, fhir: SERVER.fhirVersion })}</li>
      <li>
        <a href={`${HOME}licences.txt`} target="_blank" rel="noopener">
          {say('footer.licences')}
        </a>
      </li>
      <li>
        <Shortcuts />
      </li>
    </ul>
  </footer>
);
