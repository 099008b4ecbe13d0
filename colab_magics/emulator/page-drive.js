// What the page asks of the Drive: the same API as everybody, past faults, quota and log.
export const FOLDER = "application/vnd.google-apps.folder";
export const API = "/emulator/drive/v3";
const UPLOAD = "/emulator/upload/drive/v3/files";
const FIELDS = "id,name,mimeType,size,modifiedTime,headRevisionId,parents,trashed";

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
