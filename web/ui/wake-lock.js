/** Keeps the screen of a phone on during a call. */

/** @returns {() => void} lets it go dark again */
export function keepAwake() {
  /** @type {WakeLockSentinel | null} */
  let lock = null;
  let over = false;
  const ask = async () => {
    // The browser takes it back when the page is hidden.
    if (over || document.hidden || !navigator.wakeLock) return;
    try {
      const got = await navigator.wakeLock.request("screen");
      if (over) void got.release();
      else lock = got;
    } catch {
      // refused, for instance while the battery is low: the call goes on without
    }
  };
  document.addEventListener("visibilitychange", ask);
  void ask();
  return () => {
    over = true;
    document.removeEventListener("visibilitychange", ask);
    void lock?.release();
  };
}
