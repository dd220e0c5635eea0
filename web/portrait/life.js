/** What a face does beside speaking, as models/portrait/life.py has it: it sways, nods with the phrase, and blinks. */

/** @import { PortraitSheet } from "../types.js" */
/** @import { Stance } from "./rig.js" */

const RATE = 25;
const RAMP = 0.8;
/** Seconds over which openings count as effort. */
const EFFORT = 0.3;

/**
 * @param {number} low
 * @param {number} high
 */
function between(low, high) {
  return low + (high - low) * Math.random();
}

export class Life {
  #waves;
  #effort = 0;
  #before = 0;
  #blinkAt;

  /** @param {PortraitSheet["life"]} life */
  constructor(life) {
    this.life = life;
    this.#waves = Object.entries(life.sway).map(([name, size]) => ({
      name: /** @type {keyof Stance} */ (name),
      size,
      waves: life.waves.map((speed) => ({ speed: speed * between(0.85, 1.15), phase: between(0, 2 * Math.PI) })),
    }));
    this.#blinkAt = between(...life.pauses);
  }

  /**
   * @param {number} t seconds since the beginning
   * @param {number} opening of the mouth, eye distances: who speaks with effort nods
   * @returns {Stance}
   */
  at(t, opening) {
    const passed = Math.max(0, t - this.#before);
    this.#before = t;
    this.#effort += (opening - this.#effort) * (1 - Math.exp(-passed / EFFORT));
    const ramp = Math.min(1, t / RAMP);
    const stance = { right: 0, down: 0.25 * this.#effort, turn: 0, yaw: 0, pitch: 0.35 * this.#effort, lids: this.#lids(t) };
    for (const { name, size, waves } of this.#waves) {
      const sum = waves.reduce((all, { speed, phase }) => all + Math.sin(2 * Math.PI * speed * t + phase), 0);
      stance[name] += (ramp * size * sum) / waves.length;
    }
    return stance;
  }

  /** @param {number} t */
  #lids(t) {
    const ways = [0, ...this.life.blink, 0];
    const step = (t - this.#blinkAt) * RATE + 1;
    if (step >= ways.length - 1) this.#blinkAt = t + between(...this.life.pauses);
    const low = Math.floor(step);
    return step < 0 ? 0 : ways[low] + (ways[low + 1] - ways[low]) * (step - low);
  }
}
