// Advice while a new password is typed, in a form with `data-password-min`: how many code points are missing, counted as
// the server counts them, and a button that shows what was typed. Whether the password is good, the server alone judges.
"use strict";

(() => {
  const form = document.querySelector("form[data-password-min]");
  const fields = form ? [...form.querySelectorAll("input[autocomplete=new-password]")] : [];
  const [first] = fields;
  if (!first) return;

  const status = document.createElement("p");
  status.className = "hint";
  status.setAttribute("role", "status");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "link";
  button.textContent = "Show password";
  first.after(status, button);

  const reveal = (shown) => {
    button.setAttribute("aria-pressed", shown);
    for (const field of fields) field.type = shown ? "text" : "password";
  };
  reveal(false);
  button.addEventListener("click", () => reveal(first.type === "password"));
  // Browsers remember the contents of text fields, and offer to keep those of password fields.
  form.addEventListener("submit", () => reveal(false));

  const advise = () => {
    const count = [...first.value.normalize("NFC")].length;
    const missing = form.dataset.passwordMin - count;
    const needed = missing === 1 ? "1 more character is needed." : `${missing} more characters are needed.`;
    status.textContent = count === 0 ? "" : missing > 0 ? needed : `Long enough: ${count} characters.`;
  };
  // After a pause, so that a screen reader does not speak at every key.
  let pause;
  first.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(advise, 500);
  });
})();
