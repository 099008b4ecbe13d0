"""Which parts of an answer does a `fields` mask keep, and is the mask valid?"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeAlias

from .errors import DriveError

# A name to keep, and what to keep of it; None keeps all of it.
Mask: TypeAlias = "dict[str, Mask | None]"

_TOKEN = re.compile(r"[^,()/]+|[,()/]")
_DEEPEST = 16


def parse(text: str) -> Mask:
    """Return the tree of a mask such as `kind,files(id,owners/me)`.

    Raises:
        DriveError: 400 `invalidParameter` when it is not a mask.
    """
    tokens: list[str] = _TOKEN.findall("".join(text.split()))
    mask, end = _list(tokens, 0, text, 0)
    if end != len(tokens):
        raise refused(text)
    return mask


def refused(name: str) -> DriveError:
    """Return the 400 for a field that does not exist."""
    message = f"Invalid field selection {name}"
    return DriveError(400, "invalidParameter", message, location="fields")


def _list(tokens: list[str], at: int, text: str, depth: int) -> tuple[Mask, int]:
    mask: Mask = {}
    while True:
        at = _item(mask, tokens, at, text, depth)
        if at == len(tokens) or tokens[at] == ")":
            return mask, at
        if tokens[at] != ",":
            raise refused(text)
        at += 1


def _item(mask: Mask, tokens: list[str], at: int, text: str, depth: int) -> int:
    if depth > _DEEPEST or at == len(tokens) or tokens[at] in ",()/":
        raise refused(text)
    name, at = tokens[at], at + 1
    below: Mask | None = None
    if at < len(tokens) and tokens[at] == "/":
        below = {}
        at = _item(below, tokens, at + 1, text, depth + 1)
    elif at < len(tokens) and tokens[at] == "(":
        below, at = _list(tokens, at + 1, text, depth + 1)
        if at == len(tokens):
            raise refused(text)
        at += 1
    _merge(mask, name, below)
    return at


def _merge(mask: Mask, name: str, below: Mask | None) -> None:
    if name not in mask or below is None:
        mask[name] = below
        return
    known = mask[name]
    if known is not None:
        for key, value in below.items():
            _merge(known, key, value)


def check(mask: Mask, schema: Mask) -> None:
    """Raise the 400 for the first name that the schema does not have."""
    if "*" in schema:
        return
    for name, below in mask.items():
        if name == "*":
            continue
        if name not in schema:
            raise refused(name)
        known = schema[name]
        if below is not None and known is None:
            raise refused(f"{name}/{next(iter(below))}")
        if below is not None and known is not None:
            check(below, known)


def keep(mask: Mask | None, value: Any) -> Any:
    """Return the part of a JSON value that the mask selects."""
    if mask is None:
        return value
    if isinstance(value, list):
        return [keep(mask, one) for one in value]
    if not isinstance(value, dict):
        return value
    if "*" in mask:
        rest = mask["*"]
        return {name: keep(mask.get(name, rest), inner) for name, inner in value.items()}
    return {name: keep(mask[name], inner) for name, inner in value.items() if name in mask}


@lru_cache(maxsize=512)
def mask_for(kind: str, text: str) -> Mask | None:
    """Return the mask for an answer of this kind: the one asked for, or the usual one.

    An empty mask counts as none; clients send it with requests whose answer they drop.
    """
    if not text.strip():
        return USUAL[kind]
    mask = parse(text)
    check(mask, SCHEMAS[kind])
    return mask


_USER = "displayName,emailAddress,kind,me,permissionId,photoLink"
_PERMISSION = (
    "allowFileDiscovery,deleted,displayName,domain,emailAddress,expirationTime,id,"
    "inheritedPermissionsDisabled,kind,pendingOwner,permissionDetails(inherited,inheritedFrom,"
    "permissionType,role),photoLink,role,teamDrivePermissionDetails(inherited,inheritedFrom,role,"
    "teamDrivePermissionType),type,view"
)
_CAN = (
    "canAcceptOwnership canAccessViaGenAi canAddChildren canAddFolderFromAnotherDrive "
    "canAddMyDriveParent canChangeCopyRequiresWriterPermission canChangeItemDownloadRestriction "
    "canChangeSecurityUpdateEnabled canChangeViewersCanCopyContent canComment canCopy canDelete "
    "canDeleteChildren canDisableInheritedPermissions canDownload canEdit "
    "canEnableInheritedPermissions canListChildren canModifyContent canModifyContentRestriction "
    "canModifyEditorContentRestriction canModifyLabels canModifyOwnerContentRestriction "
    "canMoveChildrenOutOfDrive canMoveChildrenOutOfTeamDrive canMoveChildrenWithinDrive "
    "canMoveChildrenWithinTeamDrive canMoveItemIntoTeamDrive canMoveItemOutOfDrive "
    "canMoveItemOutOfTeamDrive canMoveItemWithinDrive canMoveItemWithinTeamDrive "
    "canMoveTeamDriveItem canReadDrive canReadLabels canReadRevisions canReadTeamDrive "
    "canRemoveChildren canRemoveContentRestriction canRemoveMyDriveParent canRename canShare "
    "canStartApproval canTrash canTrashChildren canUntrash"
).replace(" ", ",")
_FILE = f"""
appProperties(*),capabilities({_CAN}),clientEncryptionDetails(*),
contentHints(indexableText,thumbnail(image,mimeType)),contentRestrictions(ownerRestricted,readOnly,
reason,restrictingUser({_USER}),restrictionTime,systemRestricted,type),
copyRequiresWriterPermission,createdTime,description,downloadRestrictions(*),driveId,
explicitlyTrashed,exportLinks(*),fileExtension,folderColorRgb,fullFileExtension,
hasAugmentedPermissions,hasThumbnail,headRevisionId,iconLink,id,imageMediaMetadata(*),
inheritedPermissionsDisabled,isAppAuthorized,kind,labelInfo(labels(*)),lastModifyingUser({_USER}),
linkShareMetadata(securityUpdateEligible,securityUpdateEnabled),md5Checksum,mimeType,modifiedByMe,
modifiedByMeTime,modifiedTime,name,originalFilename,ownedByMe,owners({_USER}),parents,permissionIds,
permissions({_PERMISSION}),properties(*),quotaBytesUsed,resourceKey,sha1Checksum,sha256Checksum,
shared,sharedWithMeTime,sharingUser({_USER}),shortcutDetails(targetId,targetMimeType,
targetResourceKey),size,spaces,starred,teamDriveId,thumbnailLink,thumbnailVersion,trashed,
trashedTime,trashingUser({_USER}),version,videoMediaMetadata(durationMillis,height,width),viewedByMe,
viewedByMeTime,viewersCanCopyContent,webContentLink,webViewLink,writersCanShare
"""
_THEME = "backgroundImageLink,colorRgb,id"

FILE = parse(_FILE)
SCHEMAS: dict[str, Mask] = {
    "file": FILE,
    "files": parse(f"files({_FILE}),incompleteSearch,kind,nextPageToken"),
    "changes": parse(
        f"changes(changeType,drive(*),driveId,file({_FILE}),fileId,kind,removed,teamDrive(*),"
        "teamDriveId,time,type),kind,newStartPageToken,nextPageToken"
    ),
    "startPageToken": parse("kind,startPageToken"),
    "ids": parse("ids,kind,space"),
    "about": parse(
        f"appInstalled,canCreateDrives,canCreateTeamDrives,driveThemes({_THEME}),exportFormats(*),"
        "folderColorPalette,importFormats(*),kind,maxImportSizes(*),maxUploadSize,"
        f"storageQuota(limit,usage,usageInDrive,usageInDriveTrash),teamDriveThemes({_THEME}),"
        f"user({_USER})"
    ),
}
_REVISION = (
    f"exportLinks(*),id,keepForever,kind,lastModifyingUser({_USER}),md5Checksum,mimeType,"
    "modifiedTime,originalFilename,publishAuto,published,publishedLink,publishedOutsideDomain,size"
)
_DRIVE = (
    "backgroundImageFile(*),backgroundImageLink,capabilities(*),colorRgb,createdTime,hidden,id,"
    "kind,name,orgUnitId,restrictions(*),themeId"
)
SCHEMAS |= {
    "permission": parse(_PERMISSION),
    "permissions": parse(f"kind,nextPageToken,permissions({_PERMISSION})"),
    "revision": parse(_REVISION),
    "revisions": parse(f"kind,nextPageToken,revisions({_REVISION})"),
    "drive": parse(_DRIVE),
    "drives": parse(f"drives({_DRIVE}),kind,nextPageToken"),
    "teamDrives": parse(f"kind,nextPageToken,teamDrives({_DRIVE})"),
    # The older API answers with everything and is not strict about names.
    "v2": {"*": None},
}
_SOME_PERMISSION = "id,type,kind,role"
_SOME_REVISION = "id,mimeType,kind,modifiedTime"
_SOME_DRIVE = "id,name,kind"
USUAL: dict[str, Mask | None] = {
    "file": parse("kind,id,name,mimeType,resourceKey"),
    "files": parse("kind,incompleteSearch,nextPageToken,files(kind,id,name,mimeType,resourceKey)"),
    "changes": parse(
        "kind,nextPageToken,newStartPageToken,changes(kind,changeType,type,time,removed,fileId,"
        "driveId,drive(id,name,kind),file(kind,id,name,mimeType,resourceKey))"
    ),
    "startPageToken": None,
    "ids": None,
    "about": None,
    "permission": parse(_SOME_PERMISSION),
    "permissions": parse(f"kind,nextPageToken,permissions({_SOME_PERMISSION})"),
    "revision": parse(_SOME_REVISION),
    "revisions": parse(f"kind,nextPageToken,revisions({_SOME_REVISION})"),
    "drive": parse(_SOME_DRIVE),
    "drives": parse(f"kind,nextPageToken,drives({_SOME_DRIVE})"),
    "teamDrives": parse(f"kind,nextPageToken,teamDrives({_SOME_DRIVE})"),
    "v2": None,
}
