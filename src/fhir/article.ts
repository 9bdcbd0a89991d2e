/** A name of a type as English has it in a sentence: by its sound, so that it is an Observation, an unsignedInt and a uri. */
const SOUNDS_OPEN = /^(?:[aeio]|un|xhtml)/i;

export const withArticle = (type: string): string => `${SOUNDS_OPEN.test(type) ? 'an' : 'a'} ${type}`;
