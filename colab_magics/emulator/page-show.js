// How things look: elements with text, icons, sizes and times.
import { FOLDER, isDocument, isShortcut } from "./page-drive.js";

const SHAPES = {
  folder: "M3 6a2 2 0 0 1 2-2h4l2 2.5h8a2 2 0 0 1 2 2V18a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2z",
  image: "M5 4h14a2 2 0 0 1 2 2v12a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6c0-1.100.900-2 2-2zm1 13h12l-4-5-3 3.500-2-2z",
  document: "M7 3h7l5 5v11a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V5c0-1.100.900-2 2-2zm1 8v1.500h8V11zm0 4v1.500h6V15z",
  shortcut: "M4 4h16v16H4zm5 5v2h3.600L7 16.600 8.400 18l5.600-5.600V16h2V9z",
  file: "M7 3h7l5 5v11a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V5c0-1.100.900-2 2-2zm6 1.500V9h4.500z",
};

export function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

export function icon(file) {
  const kind = kindOf(file);
  const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawing.setAttribute("viewBox", "0 0 24 24");
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("class", kind);
  path.setAttribute("d", SHAPES[kind]);
  path.setAttribute("fill-rule", "evenodd");
  drawing.append(path);
  return drawing;
}

function kindOf(file) {
  if (file.mimeType === FOLDER) return "folder";
  if (isShortcut(file)) return "shortcut";
  if (isDocument(file)) return "document";
  return isImage(file) ? "image" : "file";
}

export const isImage = (file) => file.mimeType.startsWith("image/");

export function bytes(size) {
  if (size === undefined) return "";
  const units = ["bytes", "KB", "MB", "GB", "TB"];
  let value = Number(size);
  let unit = 0;
  while (value >= 1024 && unit < 4) {
    value /= 1024;
    unit += 1;
  }
  return `${unit ? value.toFixed(1) : value} ${value === 1 && !unit ? "byte" : units[unit]}`;
}

export function when(text) {
  const style = { dateStyle: "medium", timeStyle: "medium" };
  return new Intl.DateTimeFormat(undefined, style).format(new Date(text));
}
