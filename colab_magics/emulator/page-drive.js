// What the page asks of the Drive: the same API as everybody, past faults, quota and log.
export const FOLDER = "application/vnd.google-apps.folder";
export const API = "/emulator/drive/v3";
const UPLOAD = "/emulator/upload/drive/v3/files";
const FIELDS = "id,name,mimeType,size,modifiedTime,headRevisionId,parents,trashed,version,shortcutDetails";
const GOOGLE = "application/vnd.google-apps.";
const SHORTCUT = `${GOOGLE}shortcut`;
// What a document is shown as, and the end of the name it is downloaded under.
const EXPORTS = { spreadsheet: ["text/csv", ".csv"], drawing: ["image/png", ".png"], script: [`${GOOGLE}script+json`, ".json"] };
const TEXT = ["text/plain", ".txt"];

export const isShortcut = (file) => file.mimeType === SHORTCUT;
export const isDocument = (file) =>
  file.mimeType.startsWith(GOOGLE) && file.mimeType !== FOLDER && !isShortcut(file);
export const target = (file) => get(`${API}/files/${file.shortcutDetails.targetId}?fields=${FIELDS}`);

// Where the bytes of a file are; a document has none, so it is turned into something that has.
export function source(file) {
  if (!isDocument(file)) return { href: `${API}/files/${file.id}?alt=media`, end: "" };
  const [type, end] = EXPORTS[file.mimeType.slice(GOOGLE.length)] ?? TEXT;
  const query = new URLSearchParams({ mimeType: type });
  return { href: `${API}/files/${file.id}/export?${query}`, end, type };
}

export async function ask(path, options = {}) {
  const answer = await fetch(path, options);
  if (answer.ok) return answer;
  const said = await answer.json().catch(() => null);
  const error = new Error(said?.error?.message ?? `the emulator answered ${answer.status}`);
  error.status = answer.status;
  throw error;
}

export const get = async (path) => (await ask(path)).json();
export const send = (method, path, body) =>
  ask(path, { method, headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
const quoted = (text) => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

export function page(here, token = "") {
  const q = here === "trash" ? "trashed = true" : `${quoted(here)} in parents and trashed = false`;
  const orderBy = "folder,name_natural";
  const fields = `nextPageToken,files(${FIELDS})`;
  const query = new URLSearchParams({ q, orderBy, fields, pageSize: "500", pageToken: token });
  return get(`${API}/files?${query}`);
}

// A file of the same name gets the new bytes, as on Drive's own page; its id stays.
export async function put(here, { name, bytes, type, id }) {
  const known = id ?? (await twin(here, name));
  const path = `${UPLOAD}${known ? `/${known}` : ""}?uploadType=resumable`;
  const body = known ? {} : { name, parents: [here] };
  const headers = { "Content-Type": "application/json" };
  if (type) headers["X-Upload-Content-Type"] = type;
  const method = known ? "PATCH" : "POST";
  const begun = await ask(path, { method, headers, body: JSON.stringify(body) });
  return (await ask(begun.headers.get("Location"), { method: "PUT", body: bytes })).json();
}

async function twin(here, name) {
  const q = `name = ${quoted(name)} and ${quoted(here)} in parents and trashed = false`;
  const query = new URLSearchParams({ q, fields: "files(id,name,mimeType)" });
  const found = (await get(`${API}/files?${query}`)).files;
  const same = found.filter((file) => file.name === name && file.mimeType !== FOLDER);
  return same.length === 1 ? same[0].id : null;
}
