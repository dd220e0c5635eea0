/** The host's panel: who waits, the room's rules, its links, and everybody who is here. */
import { confirmed } from "../ui/confirm.js";
import { element, find, icon, setIcon } from "../ui/element.js";
import { toast } from "../ui/toasts.js";
import { plural, t } from "../texts/texts.js";

/** @import { Call } from "../call/call.js" */

/**
 * Asks, and then has somebody removed.
 * @param {Call} call
 * @param {string} id
 */
export async function removeAfterAsking(call, id) {
  const name = call.participant(id)?.name ?? "";
  const how = t("They are out at once. The link would let them in again: lock the call or make new links to keep them out.");
  if (await confirmed(t("Remove {name} from the call?", { name }), how, t("Remove"))) call.hosting.remove(id);
}

export class HostPanel {
  #button = find("#host-button", HTMLButtonElement);
  #count = find("#host-count", HTMLElement);
  #waiting = find("#host-waiting", HTMLElement);
  #waitingList = find("#host-waiting-list", HTMLElement);
  #muteAll = find("#host-mute-all", HTMLButtonElement);
  #people = find("#host-people", HTMLElement);
  #locked = find("#host-locked", HTMLInputElement);
  #waitingRoom = find("#host-waiting-room", HTMLInputElement);
  #past = find("#host-past", HTMLSelectElement);
  /** @type {Map<string, PersonRow>} */ #rows = new Map();
  /** @type {Map<string, NewcomerRow>} */ #newcomers = new Map();
  /** @type {Set<string>} those who wait, and of whom the host was told */ #told = new Set();

  /** @param {Call} call */
  constructor(call) {
    this.call = call;
    this.#locked.addEventListener("change", () => call.hosting.setRules({ locked: this.#locked.checked }));
    this.#waitingRoom.addEventListener("change", () => call.hosting.setRules({ waiting_room: this.#waitingRoom.checked }));
    this.#past.addEventListener("change", () => {
      const past = this.#past.value;
      call.hosting.setRules({ past: past === "all" || past === "none" ? past : Number(past) });
    });
    this.#muteAll.addEventListener("click", () => call.hosting.muteEveryone());
    find("#host-end", HTMLButtonElement).addEventListener("click", () => void this.#end());
    find("#host-new-links", HTMLButtonElement).addEventListener("click", () => void this.#newLinks());
  }

  async #end() {
    const how = t("Everybody is out at once, you too, and the links that were given out let nobody in any more.");
    if (await confirmed(t("End the call for all?"), how, t("End for all"))) this.call.hosting.endCall();
  }

  async #newLinks() {
    const how = t("All links that were given out let nobody in any more. Who is in the call stays.");
    if (!(await confirmed(t("Make new links?"), how, t("Make new links")))) return;
    this.call.hosting.replaceLinks();
    toast(t("The old links let nobody in any more. The new ones are under Invite."));
  }

  update() {
    const { hosting, room, self } = this.call;
    this.#button.hidden = !hosting.allowed;
    if (!hosting.allowed || !room) return;
    const { locked, waiting_room, past } = room.rules;
    this.#locked.checked = locked;
    this.#waitingRoom.checked = waiting_room;
    this.#showPast(String(past));
    this.#showWaiting();
    const others = room.participants.filter(({ id }) => id !== self);
    fill(this.#people, this.#rows, others.map(({ id }) => id), (id) => new PersonRow(this.call, id));
    for (const row of this.#rows.values()) row.show();
    find("#host-alone", HTMLElement).hidden = others.length > 0;
    this.#muteAll.hidden = !others.length;
    this.#muteAll.disabled = others.every(({ muted }) => muted);
  }

  /** @param {string} past a setting of the server may be none of the choices */
  #showPast(past) {
    if (![...this.#past.options].some(({ value }) => value === past)) {
      this.#past.append(element("option", { value: past }, plural(Number(past), "The last minute", "The last {n} minutes")));
    }
    this.#past.value = past;
  }

  #showWaiting() {
    const { waiting } = this.call.hosting;
    this.#waiting.hidden = !waiting.length;
    this.#count.hidden = !waiting.length;
    this.#count.textContent = String(waiting.length);
    this.#button.ariaLabel = waiting.length ? t("Host: {n} waiting", { n: waiting.length }) : t("Host");
    for (const { id, name } of waiting) {
      if (!this.#told.has(id)) toast(t("{name} is waiting to be let in. Open Host to answer.", { name }));
    }
    this.#told = new Set(waiting.map(({ id }) => id));
    fill(this.#waitingList, this.#newcomers, waiting.map(({ id }) => id), (id) => new NewcomerRow(this.call, id));
  }
}

class NewcomerRow {
  /**
   * @param {Call} call
   * @param {string} id
   */
  constructor({ hosting }, id) {
    const name = hosting.waiting.find((newcomer) => newcomer.id === id)?.name ?? "";
    const admit = element("button", { type: "button", class: "button small primary", "aria-label": t("Let {name} in", { name }) }, t("Let in"));
    const refuse = element("button", { type: "button", class: "button small", "aria-label": t("Refuse {name}", { name }) }, t("Refuse"));
    admit.addEventListener("click", () => hosting.admit(id, true));
    refuse.addEventListener("click", () => hosting.admit(id, false));
    this.root = element("li", {}, element("span", { class: "host-name", dir: "auto" }, name), admit, refuse);
  }
}

class PersonRow {
  #name = element("span", { class: "host-name", dir: "auto" });
  #role = element("span", { class: "quiet" });
  #mute = element("button", { type: "button", class: "quiet-button" }, icon("mic"));
  #remove = element("button", { type: "button", class: "quiet-button" }, icon("leave"));
  root = element("li", {}, this.#name, this.#role, this.#mute, this.#remove);

  /**
   * @param {Call} call
   * @param {string} id
   */
  constructor(call, id) {
    this.call = call;
    this.id = id;
    this.#mute.addEventListener("click", () => call.hosting.muteForAll(id, !call.participant(id)?.muted));
    this.#remove.addEventListener("click", () => void removeAfterAsking(call, id));
  }

  show() {
    const { name = "", muted = false, host = false } = this.call.participant(this.id) ?? {};
    this.#name.textContent = name;
    this.#role.textContent = host ? t("host") : "";
    this.#mute.ariaLabel = this.#mute.title = muted ? t("Let {name} be heard again", { name }) : t("Mute {name} for everyone", { name });
    setIcon(this.#mute, muted ? "mic-off" : "mic");
    this.#remove.ariaLabel = this.#remove.title = t("Remove {name}", { name });
    this.#remove.hidden = host;
  }
}

/**
 * Brings a list in line; a row that is wanted stays, and with it the keyboard's place.
 * @template {{ root: HTMLElement }} Row
 * @param {HTMLElement} list
 * @param {Map<string, Row>} rows
 * @param {string[]} wanted
 * @param {(id: string) => Row} make
 */
function fill(list, rows, wanted, make) {
  for (const [id, row] of rows) {
    if (wanted.includes(id)) continue;
    row.root.remove();
    rows.delete(id);
  }
  for (const id of wanted) {
    if (rows.has(id)) continue;
    const row = make(id);
    rows.set(id, row);
    list.append(row.root);
  }
}
