"use strict";

// Tables: a press on a column's head sorts by it, another press turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows];
      const key = (row) => {
        const text = row.cells[column].textContent.trim();
        return row.cells[column].dataset.value || (text === "\u2013" ? "" : text);
      };
      const numbers = rows.every((row) => !isNaN(key(row)));
      const order = (a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === "" || y === "") return (x === "") - (y === ""); // what is missing stands last
        const difference = numbers ? x - y : x.localeCompare(y);
        return up ? difference : -difference;
      };
      table.tBodies[0].append(...rows.sort(order));
    });
  });
}

// Figures: a press opens one large; a press anywhere, or Escape, closes it.
const large = document.getElementById("large");
for (const button of document.querySelectorAll("button.enlarge")) {
  button.addEventListener("click", () => {
    const { src, alt } = button.querySelector("img");
    Object.assign(large.querySelector("img"), { src, alt });
    large.showModal();
  });
}
large.addEventListener("click", () => large.close());

// Print everything, folded or not.
addEventListener("beforeprint", () => {
  for (const fold of document.querySelectorAll("details")) fold.open = true;
});
