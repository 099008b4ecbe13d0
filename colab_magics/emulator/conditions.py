"""How are rights, and what a user did with a file, said in SQL?"""

from __future__ import annotations

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
# A link alone does not make a file turn up in a search; a public one with discovery does.
TO_ME = (
    "(expires_ms IS NULL OR expires_ms > drive_now()) AND"
    " (email = ? OR discovery AND (type = 'anyone' OR domain = ?))"
)
