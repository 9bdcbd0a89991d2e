/** Words of ours about documents that come in; those of others stand where they are used. */

/** What the server writes about a document beside it, which goes with it when it is deleted. */
export const ACCOUNT_TAG = { system: 'urn:chartroom:documents', code: 'account' } as const;
