/** Who is there, and which page they are on. */
import { LocationProvider, Route, Router } from 'preact-iso/router';
import { useEffect } from 'preact/hooks';
import { say } from '../messages/common.js';
import { ALL_SCREENS } from '../screens.js';
import { useCell } from '../session/cell.js';
import { HOME } from '../session/server.js';
import { mayUse, session } from '../session/session.js';
import { Page } from '../ui/page.js';
import { Layout } from './layout.js';
import { isSignedOutPage, SignedOut, SignIn } from './sign-in.js';

/** `fault`: of a sign-in from which the page has come back. */
export function App({ fault }: { readonly fault?: 'refused' | 'failed' | undefined }) {
  const known = useCell(session);
  return (
    <LocationProvider scope={/^\/console(?:\/[^.]*)?$/}>
      <Layout>
        {isSignedOutPage() ? <SignedOut /> : known === undefined ? <SignIn fault={fault} /> : <Screens />}
      </Layout>
    </LocationProvider>
  );
}

function Screens() {
  const routes = ALL_SCREENS.filter(({ name }) => mayUse(name)).flatMap(screen =>
    screen.routes.filter(({ use }) => use === undefined || mayUse(use)),
  );
  return (
    <Router onRouteChange={toTop}>
      {[
        <Route key="home" path={HOME} component={Home} />,
        ...routes.map(({ path, component }) => <Route key={path} path={path} component={component} />),
        <Route key="none" default component={NotFound} />,
      ]}
    </Router>
  );
}

/** A new page begins above, where its heading takes the focus. */
function toTop(): void {
  scrollTo(0, 0);
  (document.activeElement as HTMLElement | null)?.blur();
}

/** The first screen that is of use. */
function Home() {
  const first = ALL_SCREENS.find(({ name }) => mayUse(name));
  useEffect(() => {
    if (first) history.replaceState(null, '', first.home);
    if (first) dispatchEvent(new PopStateEvent('popstate'));
  }, []);
  return first ? null : <Page title="Chartroom">{say('home.none')}</Page>;
}

const NotFound = () => (
  <Page title={say('not-found.title')}>
    <p>{say('not-found.text')}</p>
  </Page>
);
