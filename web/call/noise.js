/** The switch for taking noise out of one's own sound; the server does it, for everybody who hears it. */
import { remember, remembered } from "./device-memory.js";
import { find } from "../ui/element.js";

/** @import { Connection } from "./connection.js" */

const ON = "on";

/** @param {Connection} connection whose server may not know yet what was chosen */
export function sendNoise(connection) {
  connection.send({ type: "suppression", on: remembered("noise") === ON });
}

/** @param {Connection} connection */
export function bindNoise(connection) {
  const box = find("#suppress-noise", HTMLInputElement);
  box.checked = remembered("noise") === ON;
  box.addEventListener("change", () => {
    remember("noise", box.checked ? ON : "off");
    connection.send({ type: "suppression", on: box.checked });
  });
}
