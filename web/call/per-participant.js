/** Something kept for each participant, made when it is first asked for. @template T */
export class PerParticipant {
  /** @type {Map<string, T>} */ #kept = new Map();

  /** @param {(participant: string) => T} make */
  constructor(make) {
    this.make = make;
  }

  /** @param {string} participant @returns {T} */
  of(participant) {
    const kept = this.#kept.get(participant) ?? this.make(participant);
    this.#kept.set(participant, kept);
    return kept;
  }

  /** @param {(participant: string) => boolean} stays the others are forgotten */
  keep(stays) {
    for (const id of this.#kept.keys()) if (!stays(id)) this.#kept.delete(id);
  }

  /**
   * @template R
   * @param {(one: T) => R} look
   * @returns {Record<string, R>} by participant
   */
  map(look) {
    return Object.fromEntries([...this.#kept].map(([id, one]) => [id, look(one)]));
  }
}
