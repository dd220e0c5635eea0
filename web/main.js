/** Entry: which screen this address asks for. */
import { ApiError, serverSeparates } from "./call/api.js";
import { Call } from "./call/call.js";
import { CallScreen } from "./screens/call.js";
import { find } from "./ui/element.js";
import { forgetHostInvite, hostInvite } from "./call/host-invite.js";
import { showHome } from "./screens/home.js";
import { JoinScreen } from "./screens/join.js";
import { LocalMedia } from "./call/media.js";
import { PortraitWish } from "./portrait/wish.js";
import { bindLanguageChoices } from "./screens/language-choice.js";
import { showUnsupported } from "./screens/unsupported.js";
import { language, t } from "./texts/texts.js";
import { translate } from "./texts/translate.js";

/** @import { Entrant } from "./types.js" */

/** @type {CallScreen | null} */
let screen = null;

Object.defineProperty(window, "earshot", {
  value: Object.freeze({
    get state() {
      return screen?.call.snapshot() ?? null;
    },
    /** @returns {Promise<Record<string, unknown>[]>} every WebRTC statistic of both connections */
    async stats() {
      const { watching, publishing } = screen?.call.connection ?? {};
      /** @type {Record<string, unknown>[]} */
      const reports = [];
      for (const [role, session] of Object.entries({ watching, publishing })) {
        const report = await session?.pc.getStats();
        report?.forEach((entry) => reports.push({ connection: role, ...entry }));
      }
      return reports;
    },
  }),
});

/**
 * Comes in as the host, if this tab has been theirs, else as the link says.
 * @param {Omit<Entrant, "invite">} who
 * @param {string} invite
 * @param {LocalMedia | null} media
 */
async function enterCall(who, invite, media) {
  const own = hostInvite(who.room);
  try {
    return await opened({ ...who, invite: own || invite }, media);
  } catch (error) {
    // It has expired, and the link in the address is a newer one.
    if (!own || !(error instanceof ApiError && error.status === 401)) throw error;
    forgetHostInvite(who.room);
    return opened({ ...who, invite }, media);
  }
}

/**
 * @param {Entrant} who
 * @param {LocalMedia | null} media
 */
async function opened(who, media) {
  const call = new Call(who, media);
  await call.connection.open();
  return call;
}

/**
 * @param {string} room
 * @param {string} invite
 */
function showJoin(room, invite) {
  const media = new LocalMedia();
  void serverSeparates().then((separates) => (media.separates = separates));
  const wish = new PortraitWish();
  const join = new JoinScreen(media, wish, async (name, watch) => {
    // Who is refused stays on this screen, with the devices as they are.
    const call = await enterCall({ room, name, ...(watch && { role: "watch" }) }, invite, watch ? null : media);
    if (watch) media.stop();
    screen = new CallScreen(call, watch ? null : media, wish);
  });
  // A link may fill in the form; what starts devices and what joins is a person's own click.
  join.show(new URLSearchParams(location.search).get("name"));
}

/** Shows what the address asks for. */
function showScreen() {
  const path = /^\/r\/([^/]+)\/?$/.exec(location.pathname);
  const invite = location.hash.slice(1);
  if (!path) showHome();
  else if (!invite) find("#no-invite", HTMLElement).hidden = false;
  else showJoin(decodeURIComponent(path[1] ?? ""), invite);
}

document.documentElement.lang = language;
if (language !== "en") translate(document, t);
bindLanguageChoices();
if (!showUnsupported()) showScreen();
// Another room's link pasted into this tab changes only the fragment: start afresh.
addEventListener("hashchange", () => location.reload());
