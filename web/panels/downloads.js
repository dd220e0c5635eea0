/** The transcript as a file. */
import { refusal } from "../call/api.js";
import { element } from "../ui/element.js";

/** @import { Call } from "../call/call.js" */

/** @typedef {"vtt" | "srt" | "txt"} Format */

/**
 * @param {Call} call
 * @param {Format} format
 * @throws {Error} with the reason for people
 */
export async function downloadTranscript(call, format) {
  const { who, joined } = call.connection;
  const answer = await fetch(`/rooms/${encodeURIComponent(who.room)}/transcript.${format}`, {
    headers: { Authorization: `Bearer ${joined?.token ?? ""}` },
    cache: "no-store",
    signal: AbortSignal.timeout(20_000),
  });
  if (!answer.ok) throw await refusal(answer);
  const address = URL.createObjectURL(await answer.blob());
  const link = element("a", { href: address, download: `earshot-${who.room}.${format}` });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
