// Ways to spoil the page of a refused sign-in, each as what runs inside it. The check has to find every one.

export const CONTROLS = {
  "the text is pale": () => {
    document.querySelector("main").style.color = "#b0b8bc";
  },
  "a control has no label": () => {
    document.querySelector("label").remove();
  },
  "something is wider than the screen": () => {
    document.querySelector("h1").style.minWidth = "400px";
  },
  "the focus does not show": () => {
    document.querySelector("button[type=submit]").style.outline = "none";
  },
  "a control cannot be reached": () => {
    document.querySelector("input[type=password]").tabIndex = -1;
  },
  "the order of the Tab key is another one": () => {
    document.querySelector("input[type=password]").tabIndex = 1;
  },
  "the title does not say that something is wrong": () => {
    document.title = document.title.replace("Error: ", "");
  },
  "the summary leads nowhere": () => {
    document.querySelector(".faults a").hash = "#nowhere";
  },
  "the field does not say what is wrong": () => {
    document.querySelector("form .error").remove();
  },
};
