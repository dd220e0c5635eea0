/** Where tiles stand: all as large as fits, or one large and the others in a strip under it. */

export const GAP = 10;
const STRIP = { least: 72, part: 0.2, most: 150 };

/**
 * @typedef {object} Arrangement
 * @property {string} columns of the grid
 * @property {string} rows of the grid
 * @property {{ column: string, row: string, width: number }[]} places of the tiles, in their order
 */

/**
 * @param {number[]} aspects
 * @param {number} width
 * @param {number} height
 * @returns {number} the number of columns that shows the most picture
 */
function bestColumns(aspects, width, height) {
  let best = { columns: 1, area: 0 };
  for (let columns = 1; columns <= aspects.length; columns += 1) {
    const rows = Math.ceil(aspects.length / columns);
    const w = (width - GAP * (columns - 1)) / columns;
    const h = (height - GAP * (rows - 1)) / rows;
    const area = aspects.reduce((sum, aspect) => sum + Math.min(w, h * aspect) ** 2 / aspect, 0);
    if (area > best.area) best = { columns, area };
  }
  return best.columns;
}

/**
 * @param {number[]} aspects width over height of each picture
 * @param {number} width
 * @param {number} height
 * @returns {Arrangement}
 */
export function gallery(aspects, width, height) {
  const columns = bestColumns(aspects, width, height);
  const rows = Math.ceil(aspects.length / columns);
  const roomW = Math.floor((width - GAP * (columns - 1)) / columns);
  const h = Math.floor((height - GAP * (rows - 1)) / rows);
  const fitted = aspects.map((aspect) => Math.floor(Math.min(roomW, h * aspect)));
  const inLastRow = aspects.length - columns * (rows - 1);
  return {
    // Twice as many half columns as columns: a short last row can then stand in the middle.
    columns: `repeat(${columns * 2}, ${(Math.max(...fitted) - GAP) / 2}px)`,
    rows: "auto",
    places: fitted.map((w, i) => {
      const startsLastRow = rows > 1 && i === columns * (rows - 1);
      return { column: `${startsLastRow ? 1 + columns - inLastRow : "auto"} / span 2`, row: "auto", width: w };
    }),
  };
}

/**
 * @param {number[]} aspects width over height of each picture
 * @param {number} large which is large
 * @param {number} width
 * @param {number} height
 * @returns {Arrangement}
 */
export function stage(aspects, large, width, height) {
  const others = aspects.length - 1;
  const strip = others ? Math.round(Math.min(Math.max(height * STRIP.part, STRIP.least), STRIP.most)) : 0;
  const h = height - strip - (others ? GAP : 0);
  const w = aspects.map((aspect, i) => Math.floor(i === large ? Math.min(width, h * aspect) : strip * aspect));
  const columns = w.filter((_, i) => i !== large).map((one) => `${one}px`);
  // The strip stands between two columns that take what is left.
  let column = 1;
  return {
    columns: ["minmax(0, 1fr)", ...columns, "minmax(0, 1fr)"].join(" "),
    rows: `${h}px${others ? ` ${strip}px` : ""}`,
    places: w.map((one, i) => {
      if (i === large) return { column: "1 / -1", row: "1", width: one };
      column += 1;
      return { column: String(column), row: "2", width: one };
    }),
  };
}
