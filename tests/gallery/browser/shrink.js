// Makes a picture of a page small enough for a repository: a palette of at most 256 colours (PNG, third edition).

import { deflateSync, inflateSync } from "node:zlib";

const SIGNATURE = Buffer.from("89504e470d0a1a0a", "hex");

/** A screenshot (8 bits a channel, not interlaced) with a palette instead of channels. */
export function shrink(png) {
  const chunks = [...chunksOf(png)];
  const header = chunks.find(({ type }) => type === "IHDR").data;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const channels = header[9] === 6 ? 4 : 3;
  const packed = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  const pixels = unfiltered(inflateSync(Buffer.concat(packed)), width * channels, height, channels);
  const rows = Buffer.alloc((width + 1) * height);
  const palette = new Map();
  for (let at = 0; at < width * height; at += 1) {
    // Text's edges have many shades; sixteen of each channel do.
    const colour = [0, 1, 2].map((channel) => Math.round(pixels[at * channels + channel] / 17)).join();
    if (!palette.has(colour)) palette.set(colour, { index: palette.size, shown: pixels.subarray(at * channels, at * channels + 3) });
    rows[at + Math.floor(at / width) + 1] = palette.get(colour).index;
  }
  if (palette.size > 256) throw new Error(`the picture has ${palette.size} colours`);
  const indexed = Buffer.from(header);
  indexed[9] = 3;
  const colours = Buffer.concat([...palette.values()].map(({ shown }) => shown));
  const parts = [["IHDR", indexed], ["PLTE", colours], ["IDAT", deflateSync(rows, { level: 9 })], ["IEND", Buffer.alloc(0)]];
  return Buffer.concat([SIGNATURE, ...parts.map(([type, data]) => chunk(type, data))]);
}

function* chunksOf(png) {
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    yield { type: png.toString("latin1", at + 4, at + 8), data: png.subarray(at + 8, at + 8 + length) };
    at += length + 12;
  }
}

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** Undoes the filters of the lines (9.2). */
function unfiltered(lines, length, height, channels) {
  const pixels = Buffer.alloc(length * height);
  for (let row = 0; row < height; row += 1) {
    const filter = lines[row * (length + 1)];
    for (let at = 0; at < length; at += 1) {
      const here = row * length + at;
      const left = at < channels ? 0 : pixels[here - channels];
      const up = row === 0 ? 0 : pixels[here - length];
      const corner = at < channels || row === 0 ? 0 : pixels[here - length - channels];
      const predicted = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      pixels[here] = lines[row * (length + 1) + 1 + at] + predicted;
    }
  }
  return pixels;
}

function paeth(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? up : corner;
}

/** CRC-32 (annex D); Node's own is newer than the Node that is asked for. */
function crc32(bytes) {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return (sum ^ 0xffffffff) >>> 0;
}
