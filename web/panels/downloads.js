/** Transcript and summary of the call as files. */
import { refusal } from "../call/api.js";
import { element } from "../ui/element.js";
import { language } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */

/** @typedef {"vtt" | "srt" | "txt"} Format */

/**
 * @param {Call} call
 * @param {string} file
 * @param {number} [patience] ms
 * @returns {Promise<Blob | null>} null = there is nothing in it yet
 * @throws {Error} with the reason for people
 */
async function fetched(call, file, patience = 20_000) {
  const { who, joined } = call.connection;
  const answer = await fetch(`/rooms/${encodeURIComponent(who.room)}/${file}`, {
    headers: { Authorization: `Bearer ${joined?.token ?? ""}` },
    cache: "no-store",
    signal: AbortSignal.timeout(patience),
  });
  if (!answer.ok) throw await refusal(answer);
  return answer.status === 204 ? null : answer.blob();
}

/**
 * @param {Blob} blob
 * @param {string} name of the file
 */
export function keep(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

/**
 * @param {Call} call
 * @param {Format} format
 * @throws {Error} with the reason for people
 */
export async function downloadTranscript(call, format) {
  const file = await fetched(call, `transcript.${format}`);
  if (file) keep(file, `earshot-${call.connection.who.room}.${format}`);
}

/**
 * @param {Call} call
 * @param {number} [patience] ms
 * @returns {Promise<{ blob: Blob, name: string } | null>} a page to keep; null = nothing was said or written
 * @throws {Error} with the reason for people
 */
export async function summaryOf(call, patience) {
  const blob = await fetched(call, `summary.html?lang=${language}`, patience);
  return blob && { blob, name: `earshot-${call.connection.who.room}.html` };
}
