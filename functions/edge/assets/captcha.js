// Solves the challenge of a form with `data-challenge` (ALTCHA protocol, version 1): looks for the number whose SHA-256
// behind the salt is the challenge, and puts the solution into the field `altcha`. If anything fails, the field stays
// empty, and the form works all the same: a link is mailed instead.
"use strict";

(() => {
  const form = document.querySelector("form[data-challenge]");
  const field = form && form.querySelector("input[name=altcha]");
  const status = document.getElementById("captcha-status");
  if (!field || !globalThis.crypto || !crypto.subtle) return;

  const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const encoder = new TextEncoder();
  const digest = async (text) => hex(await crypto.subtle.digest("SHA-256", encoder.encode(text)));

  const find = async ({ challenge, salt, maxnumber }) => {
    // In groups, so that the browser is not asked for one digest at a time.
    const group = 500;
    for (let first = 0; first <= maxnumber; first += group) {
      const numbers = Array.from({ length: Math.min(group, maxnumber - first + 1) }, (_, n) => first + n);
      const digests = await Promise.all(numbers.map((number) => digest(salt + number)));
      const place = digests.indexOf(challenge);
      if (place >= 0) return first + place;
    }
    throw new Error("no number solves the challenge");
  };

  const solve = async () => {
    const answer = await fetch(form.dataset.challenge, { headers: { accept: "application/json" } });
    const challenge = await answer.json();
    const number = await find(challenge);
    const { algorithm, salt, signature } = challenge;
    field.value = btoa(JSON.stringify({ algorithm, challenge: challenge.challenge, number, salt, signature }));
    status.textContent = "Your browser has proved that you are no program.";
  };

  status.textContent = "Your browser is proving that you are no program; this takes a few seconds.";
  const solved = solve().catch(() => {
    status.textContent = "Your browser could not do the computation. We send you a link instead.";
  });
  let waits = false;
  form.addEventListener("submit", (event) => {
    if (field.value || waits === "over") return;
    event.preventDefault();
    if (waits) return;
    waits = true;
    solved.then(() => {
      waits = "over";
      form.requestSubmit();
    });
  });
})();
