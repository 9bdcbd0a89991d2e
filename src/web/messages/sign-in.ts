/** What is said at the door. */
import { speaker } from './words.js';

export const saySignIn = speaker({
  title: 'Sign in',
  'token.label': 'Access token',
  'token.hint':
    'The token that you were given for this server. It is kept by this window alone, and forgotten when it is closed.',
  'token.missing': 'Enter your access token',
  'token.wrong': 'An access token has letters, digits and . _ ~ + / - = alone',
  continue: 'Continue',
  'smart.text': 'You sign in with the authorization server of this server, and come back here.',
  'smart.button': 'Sign in',
  'smart.refused': 'Access was not given. Without it the console can show nothing.',
  'smart.failed': 'Signing in did not succeed. Try again.',
  'out.title': 'You are signed out',
  'out.asked': 'You have signed out. Nothing of a record is left in this window.',
  'out.idle': 'You were signed out because nobody used this window for 15 minutes. Nothing of a record is left in it.',
  'out.over':
    'You were signed out because a session lasts 12 hours at most. Nothing of a record is left in this window.',
  'out.refused': 'The server does not know your token (any more). Nothing of a record is left in this window.',
  'out.still-known':
    'The server has not said that your session there has ended: whoever uses this browser next may be signed in as you. Sign in again and sign out once more, or close the browser and tell your administrator.',
  'out.again': 'Sign in again',
});
