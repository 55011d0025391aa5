/**
 * Addresses of servers in settings.
 *
 * @module
 */

/** Whether a text is the http or https URL of a server, without user, password, query and fragment. */
export function isServerUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && !/[@?#\s]/.test(text);
}
