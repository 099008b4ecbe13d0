"""How are rights, and what a user did with a file, said in SQL?"""

from __future__ import annotations

from .values import FOLDER

# Everything at or below the files that a condition on permissions, or on owners, selects.
BELOW_GRANTS = """id IN (
    WITH RECURSIVE granted (id) AS (
        SELECT file_id FROM permissions WHERE {grant}
        UNION SELECT id FROM files WHERE {owned}
        UNION SELECT files.id FROM files JOIN granted ON files.parent = granted.id
    ) SELECT id FROM granted)"""
VISIBILITIES = {
    "anyoneCanFind": "type = 'anyone' AND discovery",
    "anyoneWithLink": "type = 'anyone' AND NOT discovery",
    "domainCanFind": "type = 'domain' AND discovery",
    "domainWithLink": "type = 'domain' AND NOT discovery",
    "limited": "type IN ('anyone', 'domain')",
}
# A star and a look belong to the user; the owner's are in the file's own row.
_MARK = "(SELECT {} FROM marks WHERE marks.file_id = f.id AND marks.email = ?)"
STARRED = f"CASE WHEN f.owner = ? THEN f.starred ELSE coalesce({_MARK.format('starred')}, 0) END"
VIEWED = f"CASE WHEN f.owner = ? THEN f.viewed_ms ELSE {_MARK.format('viewed_ms')} END"
SHARED = (
    "CASE WHEN f.owner = ? THEN NULL ELSE (SELECT p.created_ms FROM permissions AS p"
    " WHERE p.file_id = f.id AND p.email = ? AND f.drive IS NULL) END"
)
# What a user finds: what is their own, what is at or below something granted, and what somebody
# else has in a folder of theirs. A link alone does not make a file turn up, a public one with
# discovery does. Its question marks are the user, the user and their domain, and the user again.
# What is their own comes first: nothing has to be asked about the rest where that is all there is.
FINDABLE = f"""(f.owner = ? OR f.id IN (
    WITH RECURSIVE granted (id) AS (
        SELECT file_id FROM permissions
            WHERE (expires_ms IS NULL OR expires_ms > drive_now())
            AND (type = 'user' AND email = ? OR discovery AND (type = 'anyone' OR domain = ?))
        UNION SELECT inside.id FROM files AS mine JOIN files AS inside ON inside.parent = mine.id
            WHERE mine.owner = ? AND mine.mime = '{FOLDER}' AND inside.owner IS NOT mine.owner
        UNION SELECT files.id FROM files JOIN granted ON files.parent = granted.id
    ) SELECT id FROM granted))"""
