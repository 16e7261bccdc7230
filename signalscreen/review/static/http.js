/** Requests to the review server, all relative to the page and so below its token. */

const ENDED = "If it was ended, start `signalscreen review` again and go on at its new address: what is not saved here is offered there, if its port is the same. If not, keep it as a file here and restore that there.";

/** What the server refused, in its own sentence. */
export class Refused extends Error {}

/**
 * Return a relative address.
 * @param {string} path such as "api/tile"
 * @param {Object<string, string|number>} query
 */
export function address(path, query = {}) {
  return `${path}?${new URLSearchParams(query)}`;
}

/**
 * Send a request and return the response.
 * @param {string} path
 * @param {Object} query
 * @param {RequestInit} options
 * @throws {Refused} with the server's sentence, or one that says that it does not answer
 */
export async function ask(path, query = {}, options = {}) {
  let response;
  try {
    response = await fetch(address(path, query), options);
  } catch (error) {
    throw new Refused(`The review server does not answer. ${ENDED}`, { cause: error });
  }
  if (response.ok) return response;
  const words = await sentence(response);
  // All paths that a page asks for are there, unless the server is another one.
  throw new Refused(response.status === 404 && words === "there is nothing here" ? `This address is not served any more. ${ENDED}` : words);
}

/** Send JSON and return the JSON that comes back. */
export async function send(method, path, query = {}, body = undefined) {
  const options = { method };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers = { "Content-Type": "application/json" };
  }
  return (await ask(path, query, options)).json();
}

/** Return the sentence in which a response refuses. */
async function sentence(response) {
  try {
    return (await response.json()).error || `The server answers ${response.status}.`;
  } catch {
    return `The server answers ${response.status} ${response.statusText}.`;
  }
}
