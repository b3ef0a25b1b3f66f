// `npm run serve`: the gallery for people to click through.

import { serve } from "./gallery.js";

const { origin } = await serve(3010);
console.log(`${origin}: Ctrl-C stops it`);
