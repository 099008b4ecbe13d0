"""What is the link of a file on a Drive, and who can open it?"""

# mypy: disallow-untyped-calls=False
# Google's libraries are not annotated.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from colab_magics.display import Card, Link
from colab_magics.errors import BadPlace, BadValue, DriveForbidden, PlaceNotFound

from .api import DriveAPI
from .filesystem import DriveFileSystem
from .people import MAY, WIDEST, Grant, Role, Who
from .place import Place

_READ, _LIST, _EDIT = 5, 100, 50  # what calls cost, in units of Drive's quota
_GRANT = "id,type,role,emailAddress,domain,displayName,allowFileDiscovery,deleted"
_FILE = "id,name,mimeType,webViewLink,webContentLink,ownedByMe"


@dataclass
class PlaceLink:
    """The link of a file or folder, and who can open it.

    Attributes:
        url: opens it in a browser.
        download: fetches it without a page; None for folders and Google's own documents.
        grants: who may do what; None where this account may not know.
        done: what was changed just now, in words.
    """

    place: str
    id: str
    url: str
    download: str | None
    mine: bool
    folder: bool
    grants: list[Grant] | None = None
    done: list[str] = field(default_factory=list)

    @property
    def access(self) -> list[str]:
        """Who can open it, in words."""
        if self.grants is None:
            return ["not known: only those who may share it see that"]
        others = [str(grant) for grant in self.grants if grant.role != "owner"]
        owners = [str(grant) for grant in self.grants if grant.role == "owner"]
        if self.mine:
            owners = ["you own it"]
        return [*others, *owners] if others or not self.mine else ["only you"]

    def card(self) -> Card:
        """All of it, to look at."""
        lines: list[tuple[str, object]] = [("done", text) for text in self.done]
        lines.append(("link", Link(self.url)))
        if self.download:
            lines.append(("download", Link(self.download)))
        access = self.access
        lines += [("" if at else "open to", text) for at, text in enumerate(access)]
        alone = access == ["only you"]
        public = any(grant.who.kind == "anyone" for grant in self.grants or ())
        label = "private" if alone else "public" if public else "shared"
        return Card(self.place, "running" if public else "ok", label, lines)

    def __str__(self) -> str:
        return self.url

    def __repr__(self) -> str:
        return repr(self.card())

    def _repr_html_(self) -> str:
        return self.card()._repr_html_()


def link_of(
    place: Place,
    sharing: str | None = None,
    unsharing: str | None = None,
    *,
    role: Role | None = None,
    notify: bool = False,
) -> PlaceLink:
    """The link of a place, after what `sharing` and `unsharing` ask for; people with commas.

    All of them are looked at before anything is changed; who has another role gets the new one.

    Args:
        role: what those of `sharing` may do; unless given, read.
        notify: whether Drive sends them a mail.

    Raises:
        BadValue: nobody is meant by one of the names, or nobody is named to give a role to.
        BadPlace: it is not on a Drive, so it has no link.
        PlaceNotFound: nothing is there, or it is not shared with one of `unsharing`.
        DriveForbidden: one of them owns it, or this account may not share it, or not with them.
    """
    if sharing is None and (role or notify):
        raise BadValue("nothing was shared: --role and --notify need --share WHO")
    away, new, role = _people(unsharing), _people(sharing), role or "reader"
    fs = place.fs
    if not isinstance(fs, DriveFileSystem):
        raise BadPlace(f"'{place}' is not on a Drive, so it has no link")
    one = _link(place, fs)
    if not away and not new:
        return one
    fs.api.may_write()
    known = {grant.who.key: grant for grant in one.grants or ()}
    _check(one, away, new, known)
    for who in away:
        _revoke(fs.api, one.id, known.pop(who.key))
        one.done.append(f"{who} can no longer open it")
    for who in new:
        _grant(fs.api, one, who, role, known.get(who.key), notify)
        what = "; the same for all that is in it" if one.folder else ""
        mail = ("; Drive sends a mail" if notify else "; no mail was sent") * ("@" in who.name)
        one.done.append(f"shared with {who}, who {MAY[role]}{what}{mail}")
    one.grants = _grants(fs.api, one.id)
    return one


def _check(
    one: PlaceLink, away: Sequence[Who], new: Sequence[Who], known: Mapping[str, Grant]
) -> None:
    if missing := [str(who) for who in away if who.key not in known]:
        raise PlaceNotFound(
            f"'{one.place}' is not shared with {', '.join(missing)}; now: {'; '.join(one.access)}"
        )
    owners = {key for key, grant in known.items() if grant.role == "owner"}
    if owning := [str(who) for who in (*away, *new) if who.key in owners]:
        raise DriveForbidden(
            f"{', '.join(owning)} owns '{one.place}'; that can be neither given nor taken away"
        )


def _link(place: Place, fs: DriveFileSystem) -> PlaceLink:
    node = fs.node(place.path)
    found = fs.api.call(
        lambda service: service.files().get(fileId=node.id, fields=_FILE, supportsAllDrives=True),
        units=_READ,
        doing=f"read the link of {node.name!r}",
    )
    return PlaceLink(
        place=str(place),
        id=node.id,
        url=str(found.get("webViewLink") or f"https://drive.google.com/open?id={node.id}"),
        download=found.get("webContentLink"),
        mine=bool(found.get("ownedByMe")),
        folder=node.folder,
        grants=_grants(fs.api, node.id),
    )


def _people(text: str | None) -> list[Who]:
    """Those who are named, each once."""
    if text is None:
        return []
    names = [one for one in text.split(",") if one.strip()] or [text]
    return [*{who.key: who for who in map(Who.read, names)}.values()]


def _grants(api: DriveAPI, id: str) -> list[Grant] | None:
    query: dict[str, Any] = {
        "fileId": id,
        "fields": f"nextPageToken,permissions({_GRANT})",
        "supportsAllDrives": True,
        "pageSize": 100,
    }
    found: list[Grant] = []
    try:
        while True:
            page = api.call(
                lambda service: service.permissions().list(**query),
                units=_LIST,
                doing="read who can open it",
            )
            given = page.get("permissions", ())
            found += [Grant.read(one) for one in given if not one.get("deleted")]
            if not page.get("nextPageToken"):
                return sorted(found, key=lambda one: (WIDEST.index(one.who.kind), one.who.name))
            query["pageToken"] = page["nextPageToken"]
    except DriveForbidden:
        return None


def _grant(
    api: DriveAPI, one: PlaceLink, who: Who, role: Role, known: Grant | None, notify: bool
) -> None:
    doing = f"share '{one.place}' with {who}"
    common = {"fileId": one.id, "fields": "id", "supportsAllDrives": True}
    if known is not None:
        if known.role != role:
            api.call(
                lambda service: service.permissions().update(
                    permissionId=known.id, body={"role": role}, **common
                ),
                units=_EDIT,
                doing=doing,
            )
        return
    body: dict[str, Any] = {"type": who.kind, "role": role}
    if who.name:
        body["domain" if who.kind == "domain" else "emailAddress"] = who.name
    if who.kind in ("user", "group"):
        common["sendNotificationEmail"] = notify
    api.call(
        lambda service: service.permissions().create(body=body, **common), units=_EDIT, doing=doing
    )


def _revoke(api: DriveAPI, id: str, grant: Grant) -> None:
    api.erase(
        lambda service: service.permissions().delete(
            fileId=id, permissionId=grant.id, supportsAllDrives=True
        ),
        doing=f"take {grant.who} off the list",
    )
