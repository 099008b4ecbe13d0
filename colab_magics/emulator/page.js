// The page of the emulator. Names and contents come from anybody: they are only ever textContent.
import { API, FOLDER, ask, get, isDocument, isShortcut, page, put, send, source, target } from "./page-drive.js";
import { bytes, element, icon, isImage, when } from "./page-show.js";

const LARGEST_TEXT = 256 * 1024;

const $ = (id) => document.getElementById(id);
let here = "root"; // the folder on show, or "trash"
let rootId = "";
let shown = new Map(); // id -> File, as listed
let nextPage = "";
let seen = -1; // the count of changes at the last look
let open = null; // the File in the viewer
let loads = 0;

// -- showing it

let silence;
function say(text) {
  $("said").textContent = text;
  clearTimeout(silence);
  silence = setTimeout(() => ($("said").textContent = ""), 5000);
}

// Every click that asks something of the Drive says what went wrong.
const tried = (work) => (...given) => work(...given).catch((error) => say(error.message));

function nameCell(file) {
  const to = file.shortcutDetails ?? { targetId: file.id, targetMimeType: file.mimeType };
  const folder = to.targetMimeType === FOLDER;
  const name = element(folder ? "a" : "button", "name");
  if (folder) name.href = `#folder/${to.targetId}`;
  else {
    name.type = "button";
    name.addEventListener("click", tried(async () => view(isShortcut(file) ? await target(file) : file)));
  }
  name.append(icon(file), element("span", "", file.name || "(no name)"));
  const cell = element("td");
  cell.append(name);
  return cell;
}

function action(text, file, work, className = "") {
  const button = element("button", `row-action ${className}`, text);
  button.type = "button";
  button.setAttribute("aria-label", `${text}: ${file.name}`);
  button.addEventListener("click", tried(() => work(file)));
  return button;
}

function row(file, isNew) {
  const line = element("tr", isNew ? "new" : "");
  line.dataset.id = file.id;
  const actions = element("td", "act");
  if (here === "trash") actions.append(action("Restore", file, (one) => trash(one, false)));
  else {
    if (file.mimeType !== FOLDER && !isShortcut(file)) actions.append(download(element("a", "button row-action"), file));
    actions.append(action("Delete", file, (one) => trash(one, true), "danger"));
  }
  const time = element("td", "time", when(file.modifiedTime));
  line.append(nameCell(file), element("td", "number", size(file)), time, actions);
  return line;
}

// A document says a size, but it is not that of anything one could have.
const size = (file) => (isDocument(file) ? "" : bytes(file.size));

function download(link, file) {
  const { href, end } = source(file);
  link.href = href;
  link.download = (file.name || "Untitled") + end;
  link.textContent = "Download";
  link.setAttribute("aria-label", `Download: ${file.name}`);
  return link;
}

function draw(files, append) {
  const before = append || seen < 0 ? null : shown;
  const focused = document.activeElement?.closest?.("tr")?.dataset.id;
  if (!append) {
    shown = new Map();
    $("rows").replaceChildren();
  }
  for (const file of files) {
    const old = before?.get(file.id);
    shown.set(file.id, file);
    $("rows").append(row(file, before && old?.modifiedTime !== file.modifiedTime));
  }
  if (focused) $("rows").querySelector(`tr[data-id="${CSS.escape(focused)}"] .name`)?.focus();
  $("nothing").hidden = shown.size > 0;
  $("nothing").textContent =
    here === "trash" ? "The trash is empty." : "Nothing here yet. Drop files on this page, or upload some.";
  $("more").hidden = !nextPage;
}

async function crumbs() {
  const way = [];
  for (let id = here; id !== "trash" && id !== rootId; ) {
    const folder = await get(`${API}/files/${id}?fields=id,name,parents`);
    if (id === "root" || !folder.parents) break;
    way.unshift(folder);
    id = folder.parents[0];
  }
  way.unshift({ id: rootId, name: "My Drive" });
  if (here === "trash") way.push({ id: "trash", name: "Trash" });
  const items = way.map((folder, place) => {
    const item = element("li");
    const last = place === way.length - 1;
    const link = element(last ? "span" : "a", "", folder.name);
    if (last) link.setAttribute("aria-current", "page");
    else link.href = `#folder/${folder.id}`;
    item.append(link);
    return item;
  });
  $("crumbs").replaceChildren(...items);
}

async function load() {
  const mine = (loads += 1);
  const [found, about] = await Promise.all([
    page(here),
    get(`${API}/about?fields=storageQuota`),
    crumbs(),
  ]);
  if (mine !== loads) return;
  nextPage = found.nextPageToken ?? "";
  draw(found.files, false);
  const { usage, limit } = about.storageQuota;
  $("storage").value = limit ? Number(usage) / Number(limit) : 0;
  $("usage").textContent = `${bytes(usage)}${limit ? ` of ${bytes(limit)}` : ""} used`;
}

// -- doing things

async function trash(file, trashed) {
  await send("PATCH", `${API}/files/${file.id}`, { trashed });
  say(trashed ? `Moved ${file.name} to the trash` : `Restored ${file.name}`);
  await load();
}

async function upload(files) {
  if (here === "trash") throw new Error("Open a folder to upload into");
  for (const file of files) {
    say(`Uploading ${file.name}`);
    await put(here, { name: file.name, bytes: file, type: file.type });
    say(`Uploaded ${file.name}`);
  }
  await load();
}

async function view(file) {
  open = file;
  $("viewer-title").textContent = file.name;
  const facts = [size(file), file.mimeType, when(file.modifiedTime)];
  $("viewer-facts").textContent = facts.filter(Boolean).join(" · ");
  download($("viewer-download"), file);
  $("viewer-save").hidden = true;
  const body = await content(file);
  if (open !== file) return;
  $("viewer-body").replaceChildren(body);
  if (!$("viewer").open) $("viewer").showModal();
}

async function content(file) {
  const { href, type } = source(file);
  if (isImage({ mimeType: type ?? file.mimeType })) {
    const picture = element("img");
    picture.src = `${href}&revision=${file.headRevisionId ?? file.version}`;
    picture.alt = file.name;
    return picture;
  }
  if (file.size === undefined) return element("p", "facts", "This file has no bytes of its own.");
  if (Number(file.size) > LARGEST_TEXT) return element("p", "facts", "Too large to show here.");
  const raw = await (await ask(href)).arrayBuffer();
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(raw);
    if (text.includes("\0")) throw new TypeError();
    const area = element("textarea");
    area.value = text;
    area.dataset.saved = text;
    area.spellcheck = false;
    area.setAttribute("aria-label", `Text of ${file.name}`);
    area.readOnly = $("viewer-save").hidden = file.trashed || isDocument(file);
    return area;
  } catch {
    return element("p", "facts", "This is not text.");
  }
}

async function save() {
  const area = $("viewer-body").querySelector("textarea");
  const text = area.value;
  await put(here, { name: open.name, bytes: text, type: open.mimeType, id: open.id });
  area.dataset.saved = text;
  say(`Saved ${open.name}`);
  await load();
}

// -- noticing what others do

async function look() {
  if (!document.hidden) {
    const state = await get("/emulator/health");
    if (state.changes !== seen) {
      await load();
      seen = state.changes;
      await refreshViewer();
    }
  }
}

async function refreshViewer() {
  const now = open && $("viewer").open ? shown.get(open.id) : null;
  const area = $("viewer-body").querySelector("textarea");
  const edited = area && area.value !== area.dataset.saved;
  const other = now && (now.headRevisionId ?? now.version) !== (open.headRevisionId ?? open.version);
  if (other && !edited) await view(now);
}

async function watch() {
  await look().catch((error) => {
    // Somebody deleted the folder on show.
    if (error.status === 404) location.hash = "";
    else say(`The emulator does not answer: ${error.message}`);
  });
  setTimeout(watch, 1000);
}

async function go() {
  const wanted = location.hash.slice(1);
  here = wanted === "trash" ? "trash" : wanted.startsWith("folder/") ? wanted.slice(7) : rootId;
  $("fresh").hidden = $("pick").hidden = here === "trash";
  $("empty").hidden = here !== "trash";
  seen = -1;
  await look();
}

function drops() {
  let depth = 0;
  const show = (on) => ($("drop").hidden = !on || here === "trash");
  addEventListener("dragenter", () => show((depth += 1) > 0));
  addEventListener("dragleave", () => show((depth -= 1) > 0));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    show((depth = 0));
    tried(upload)([...event.dataTransfer.files]);
  });
}

function buttons() {
  $("pick").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", async () => {
    await tried(upload)([...$("files").files]);
    $("files").value = "";
  });
  $("fresh").addEventListener("click", () => {
    $("name").value = "";
    $("naming").showModal();
  });
  $("naming-cancel").addEventListener("click", () => $("naming").close("cancel"));
  $("naming").addEventListener("close", tried(async () => {
    const name = $("name").value;
    if ($("naming").returnValue !== "ok" || !name) return;
    await send("POST", `${API}/files`, { name, mimeType: FOLDER, parents: [here] });
    await load();
  }));
  $("empty").addEventListener("click", tried(async () => {
    await ask(`${API}/files/trash`, { method: "DELETE" });
    await load();
  }));
  $("more").addEventListener("click", tried(async () => {
    const found = await page(here, nextPage);
    nextPage = found.nextPageToken ?? "";
    draw(found.files, true);
  }));
  $("viewer-save").addEventListener("click", tried(save));
  $("viewer-close").addEventListener("click", () => $("viewer").close());
  $("viewer").addEventListener("close", () => (open = null));
}

async function begin() {
  $("address").textContent = `${location.origin}/`;
  rootId = (await get(`${API}/files/root?fields=id`)).id;
  addEventListener("hashchange", tried(go));
  drops();
  buttons();
  await tried(go)();
  watch();
}

tried(begin)();
