/** Draws a portrait by WebGL: its picture on the moved net, and between the lips throat, tongue and teeth. */

/** @import { Rig } from "./rig.js" */
/** @import { Loaded } from "./sheet.js" */

const FACE = {
  vertex: `
    attribute vec2 place, from;
    uniform vec2 size;
    varying vec2 at;
    void main() {
      // The net reaches from the middle of the first pixel to that of the last.
      at = from / (size - 1.0);
      vec2 to = place / (size - 1.0);
      gl_Position = vec4(2.0 * to.x - 1.0, 1.0 - 2.0 * to.y, 0, 1);
    }`,
  fragment: `
    precision mediump float;
    uniform sampler2D picture;
    varying vec2 at;
    void main() { gl_FragColor = texture2D(picture, at); }`,
};

// Between the lips; as in models/portrait/draw.py it is darker towards the edge, which is soft.
const MOUTH = {
  vertex: `
    attribute vec4 corner;
    uniform vec2 size;
    varying vec2 point, gap;
    void main() {
      point = corner.xy;
      gap = corner.zw;
      vec2 to = point / (size - 1.0);
      gl_Position = vec4(2.0 * to.x - 1.0, 1.0 - 2.0 * to.y, 0, 1);
    }`,
  fragment: `
    precision highp float;
    uniform sampler2D teeth, jaw;
    uniform vec4 area;
    uniform vec2 skullShift, jawShift;
    uniform vec3 throat;
    uniform float blur, open;
    varying vec2 point, gap;
    vec4 layer(sampler2D image, vec2 shift) {
      vec2 at = (point - shift - area.xy + 0.5) / area.zw;
      vec2 inside = step(vec2(0), at) * step(at, vec2(1));
      return texture2D(image, at) * inside.x * inside.y;
    }
    float half_plane(float distance) { return smoothstep(-1.7 * blur, 1.7 * blur, distance); }
    void main() {
      float below = gap.x, above = gap.y - gap.x;
      float soft = max(half_plane(below) + half_plane(above) - 1.0, 0.0);
      float edge = clamp(min(below, above) + 0.5, 0.0, 1.0) * clamp(gap.y, 0.0, 1.0);
      vec4 low = layer(jaw, jawShift), high = layer(teeth, skullShift);
      vec3 colour = mix(throat, vec3(0), low.a) + low.rgb;
      colour = colour * (1.0 - high.a) + high.rgb;
      float opacity = edge * open;
      gl_FragColor = vec4(colour * clamp(0.25 + 0.95 * soft, 0.0, 1.0) * opacity, opacity);
    }`,
};

/** Softness of the shade at the lips, eye distances and least pixels. */
const BLUR = 0.022;
const LEAST_BLUR = 0.8;

export class GlPainter {
  #face;
  #mouth;
  #corners;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {Loaded} portrait
   * @throws {Error} when there is no WebGL here
   */
  constructor(canvas, { sheet, net, picture, teeth, jaw }) {
    const gl = canvas.getContext("webgl", { alpha: false, antialias: false, powerPreference: "low-power" });
    if (!gl) throw new Error("no WebGL");
    this.gl = gl;
    this.sheet = sheet;
    this.triangles = net.triangles.length;
    [canvas.width, canvas.height] = [sheet.width, sheet.height];
    gl.viewport(0, 0, sheet.width, sheet.height);
    this.#face = { program: program(gl, FACE), place: buffer(gl), from: buffer(gl, net.points), index: gl.createBuffer() };
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#face.index);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, net.triangles, gl.STATIC_DRAW);
    this.#mouth = { program: program(gl, MOUTH), corner: buffer(gl) };
    this.#corners = new Float32Array(8 * sheet.upper.length);
    [picture, jaw, teeth].forEach((image, unit) => texture(gl, image, unit));
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.#settle();
  }

  #settle() {
    const { gl, sheet } = this;
    const [left, top, right, bottom] = sheet.inside.area;
    for (const { program } of [this.#face, this.#mouth]) {
      gl.useProgram(program);
      gl.uniform2f(gl.getUniformLocation(program, "size"), sheet.width, sheet.height);
    }
    /** @param {string} name */
    const at = (name) => gl.getUniformLocation(this.#mouth.program, name);
    gl.uniform1i(at("jaw"), 1);
    gl.uniform1i(at("teeth"), 2);
    gl.uniform4f(at("area"), left, top, right - left, bottom - top);
    gl.uniform3fv(at("throat"), sheet.inside.throat.map((value) => value / 255));
    gl.uniform1f(at("blur"), Math.max(LEAST_BLUR, BLUR * sheet.unit));
    this.places = { skull: at("skullShift"), jaw: at("jawShift"), open: at("open") };
  }

  /** @param {Rig} rig after its step */
  draw({ placed, skull, jaw }) {
    const { gl } = this;
    gl.disable(gl.BLEND);
    gl.useProgram(this.#face.program);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#face.place);
    gl.bufferData(gl.ARRAY_BUFFER, placed, gl.DYNAMIC_DRAW);
    attribute(gl, this.#face.program, "place", 2);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#face.from);
    attribute(gl, this.#face.program, "from", 2);
    gl.drawElements(gl.TRIANGLES, this.triangles, gl.UNSIGNED_SHORT, 0);
    const widest = this.#between(placed);
    if (widest <= 0.5) return;
    gl.enable(gl.BLEND);
    gl.useProgram(this.#mouth.program);
    gl.uniform2f(this.places?.skull ?? null, skull[0], skull[1]);
    gl.uniform2f(this.places?.jaw ?? null, jaw[0], jaw[1]);
    gl.uniform1f(this.places?.open ?? null, Math.min(widest - 0.5, 1));
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#mouth.corner);
    gl.bufferData(gl.ARRAY_BUFFER, this.#corners, gl.DYNAMIC_DRAW);
    attribute(gl, this.#mouth.program, "corner", 4);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, this.#corners.length / 4);
  }

  /**
   * Columns from the upper to the lower lip, each with how far its ends are from the upper one, and how long it is.
   * @param {Float32Array} placed
   * @returns {number} the widest gap, pixels
   */
  #between(placed) {
    const { upper, lower } = this.sheet;
    let widest = 0;
    upper.forEach((above, k) => {
      const below = lower[k];
      const gap = Math.max(0, placed[2 * below + 1] - placed[2 * above + 1]);
      widest = Math.max(widest, gap);
      // Half a pixel more on either side, in which the edge fades.
      const top = placed[2 * above + 1];
      this.#corners.set([placed[2 * above], top - 0.5, -0.5, gap, placed[2 * below], top + gap + 0.5, gap + 0.5, gap], 8 * k);
    });
    return widest;
  }

  remove() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

/**
 * @param {WebGLRenderingContext} gl
 * @param {{ vertex: string, fragment: string }} source
 * @returns {WebGLProgram}
 */
function program(gl, source) {
  const made = gl.createProgram();
  for (const [kind, text] of /** @type {const} */ ([[gl.VERTEX_SHADER, source.vertex], [gl.FRAGMENT_SHADER, source.fragment]])) {
    const shader = gl.createShader(kind);
    if (!made || !shader) throw new Error("WebGL is lost");
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made) ?? "WebGL does not link");
  return made;
}

/**
 * @param {WebGLRenderingContext} gl
 * @param {Float32Array} [values]
 */
function buffer(gl, values) {
  const made = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, made);
  if (values) gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  return made;
}

/**
 * @param {WebGLRenderingContext} gl
 * @param {WebGLProgram} of
 * @param {string} name
 * @param {number} size
 */
function attribute(gl, of, name, size) {
  const place = gl.getAttribLocation(of, name);
  gl.enableVertexAttribArray(place);
  gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, 0);
}

/**
 * @param {WebGLRenderingContext} gl
 * @param {ImageBitmap} image
 * @param {number} unit
 */
function texture(gl, image, unit) {
  gl.activeTexture(gl.TEXTURE0 + unit);
  gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, image);
  for (const side of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, side, gl.CLAMP_TO_EDGE);
  for (const way of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, way, gl.LINEAR);
}
