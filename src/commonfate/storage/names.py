"""Names of videos as names of files and nodes."""


def node_name(name: str) -> str:
    """A video's name as one node of a Zarr hierarchy and one file name.

    Names are kept; only a slash, a leading dot (hidden files) and a leading underscore (Zarr
    reserves `__`) become %xx, and the percent sign itself.
    """
    quoted = name.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")
    if quoted[:1] in (".", "_"):
        quoted = f"%{ord(quoted[0]):02X}{quoted[1:]}"
    return quoted
