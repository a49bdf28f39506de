"""Lies in a clone, in objects and in names: what git shows, and what some machines show, is not what was committed."""

from __future__ import annotations

import hashlib
import re
import struct
import subprocess
import zlib
from pathlib import Path

from tests.threats.liar import MAIN, PEOPLE, Liar
from tests.threats.play import story

STAGING = "environments/staging.yaml"


def cloned(liar: Liar, *options: str) -> Path:
    """A clone of the copy, as an auditor makes it."""
    folder = liar.folder.parent / "clone"
    command = ["git", "clone", "-q", *options, f"file://{liar.folder}", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def in_clone(folder: Path, *words: str) -> str:
    """Git in a clone."""
    return subprocess.run(
        ["git", *words], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


# Clones


@story("incomplete", "", refused="shallow")
def the_clone_is_shallow(liar: Liar, lying: bool) -> Path:
    return cloned(liar, *(["--depth=3"] if lying else []))


@story("incomplete", "", refused="partial")
def the_clone_is_partial(liar: Liar, lying: bool) -> Path:
    liar.git("config", "uploadpack.allowFilter", "true")
    return cloned(liar, "--bare", *(["--filter=blob:none"] if lying else []))


@story("incomplete", "disk")
def a_file_on_the_disk_was_edited(liar: Liar, lying: bool) -> Path:
    folder = cloned(liar)
    (folder / (STAGING if lying else "train.py")).write_text("version: 1\n")
    return folder


@story("incomplete", "disk")
def git_was_told_not_to_look_at_an_edited_file(liar: Liar, lying: bool) -> Path:
    """``git status`` says that nothing changed."""
    folder = cloned(liar)
    path = STAGING if lying else "train.py"
    for flag in ("--assume-unchanged", "--skip-worktree"):
        in_clone(folder, "update-index", flag, path)
    (folder / path).write_text("version: 1\n")
    assert in_clone(folder, "status", "--porcelain") == ""
    return folder


@story("replaced", "replaced")
def an_object_is_replaced(liar: Liar, lying: bool) -> None:
    blob = liar.id(f"evidence/{liar.names['three']}/report.md") or ""
    other = liar.blob("# All is well\n")
    if lying:
        liar.git("replace", blob, other)
    else:
        liar.git("update-ref", f"refs/notes/{blob}", liar.head)


@story("replaced", "replaced")
def a_commit_is_replaced_by_one_with_another_past(liar: Liar, lying: bool) -> None:
    other = liar.commit({"train.py": "print('another past')\n"}, parents=[liar.names["root"]])
    liar.git("update-ref", f"refs/{'replace' if lying else 'archive'}/{liar.head}", other)


@story("replaced", "graft")
def a_commit_is_grafted(liar: Liar, lying: bool) -> None:
    (liar.folder / "info").mkdir(exist_ok=True)
    (liar.folder / "info/grafts").write_text(f"{liar.head} {liar.names['root']}\n" if lying else "")


@story("replaced", "graft")
def a_commit_graph_tells_another_past(liar: Liar, lying: bool) -> None:
    """A cache of git's own, which git log believes without a look at the commits."""
    liar.git("commit-graph", "write", "--reachable")
    file = liar.folder / "objects/info/commit-graph"
    data = bytearray(file.read_bytes())
    ids, table = _graph(data)
    if lying:
        head, root = (ids.index(bytes.fromhex(id_)) for id_ in (liar.head, liar.names["root"]))
        struct.pack_into(">I", data, table + head * 36 + 20, root)
    file.unlink()
    file.write_bytes(bytes(data[:-20]) + hashlib.sha1(data[:-20]).digest())
    shown = liar.git("log", "--first-parent", "--format=%H", MAIN).splitlines()
    assert (len(shown) == 2) is lying, "git itself is deceived"


def _graph(data: bytearray) -> tuple[list[bytes], int]:
    """The ids of a commit-graph in order, and where its table of commits begins (gitformat-commit-graph)."""
    chunks = {}
    for number in range(data[6]):
        id_, at = struct.unpack_from(">4sQ", data, 8 + 12 * number)
        chunks[id_] = at
    (count,) = struct.unpack_from(">I", data, chunks[b"OIDF"] + 255 * 4)
    start = chunks[b"OIDL"]
    return [bytes(data[start + 20 * n : start + 20 * n + 20]) for n in range(count)], chunks[b"CDAT"]


@story("replaced", "object")
def an_object_holds_other_bytes_than_its_id_says(liar: Liar, lying: bool) -> None:
    blob = liar.blob("# All is well, really\n")
    liar.push({"report.md": ("100644", blob)})
    loose = liar.folder / "objects" / blob[:2] / blob[2:]
    if lying:
        data = b"# All is lost, really\n"
        loose.chmod(0o644)
        loose.write_bytes(zlib.compress(b"blob %d\0" % len(data) + data))


@story("replaced", "object")
def an_object_is_missing(liar: Liar, lying: bool) -> None:
    blob = liar.blob("# All is well, really\n")
    liar.push({"report.md": ("100644", blob)})
    if lying:
        (liar.folder / "objects" / blob[:2] / blob[2:]).unlink()


@story("replaced", "object")
def a_pack_index_points_to_another_object(liar: Liar, lying: bool) -> None:
    """Two offsets swapped in the index of a pack: each id now leads to the other's bytes."""
    (index,) = (liar.folder / "objects/pack").glob("*.idx")
    data = bytearray(index.read_bytes())
    (count,) = struct.unpack_from(">I", data, 8 + 255 * 4)
    ids = 8 + 1024
    offsets = ids + 20 * count + 4 * count
    wanted = [
        liar.id(f"evidence/{liar.names['three']}/{name}") or "" for name in ("report.md", "gates/bias.json")
    ]
    places = [(data.index(bytes.fromhex(id_), ids) - ids) // 20 for id_ in wanted]
    if lying:
        one, two = (bytes(data[offsets + 4 * n : offsets + 4 * n + 4]) for n in places)
        data[offsets + 4 * places[0] : offsets + 4 * places[0] + 4] = two
        data[offsets + 4 * places[1] : offsets + 4 * places[1] + 4] = one
    index.unlink()
    index.write_bytes(bytes(data[:-20]) + hashlib.sha1(data[:-20]).digest())


# Names and modes


def rooted(liar: Liar, entries: list[tuple[str, str, str]], drop: str = "") -> None:
    """Push a root tree with more entries (mode, id, name) than the last, in git's own order."""
    listed = [line for line in liar.git("ls-tree", MAIN).splitlines() if line.split("\t")[1] != drop]
    kinds = {"040000": "tree", "160000": "commit"}
    listed += [f"{mode} {kinds.get(mode, 'blob')} {id_}\t{name}" for mode, id_, name in entries]
    liar.push(tree=liar.git("mktree", data="\n".join(listed) + "\n"))


@story("links", "tree", path="environments")
def a_guarded_folder_becomes_a_link(liar: Liar, lying: bool) -> None:
    target = liar.blob("tests")
    liar.move(liar.names["root"])
    rooted(liar, [("120000", target, "environments" if lying else "settings")])


@story("links", "tree", path="evidence")
def a_guarded_folder_becomes_a_submodule(liar: Liar, lying: bool) -> None:
    """The control has a submodule elsewhere, which is nobody's business here."""
    liar.move(liar.names["root"])
    rooted(liar, [("160000", liar.names["root"], "evidence" if lying else "vendor")])


@story("links", "tree")
def a_submodule_hides_among_the_deliberations(liar: Liar, lying: bool) -> None:
    where = "governance/deliberations/why" if lying else "vendor/why"
    liar.push({where: ("160000", liar.names["root"])})


@story("links", "tree", path="governance/deliberations/why.md")
def a_deliberation_is_a_link(liar: Liar, lying: bool) -> None:
    path, text = "governance/deliberations/why.md", b"Because.\n"
    mode = "120000" if lying else "100644"
    liar.push({path: (mode, liar.blob(text.decode())), f"{path}.sig": liar.sign("lee", text)})


@story("links", "tree", "pushed-manifest", path="data/applications.manifest.yaml")
def a_manifest_becomes_a_link(liar: Liar, lying: bool) -> None:
    path = "data/applications.manifest.yaml" if lying else "data/link.yaml"
    liar.push({path: ("120000", liar.blob("../notes.yaml"))})


@story("links", "lookalike")
def a_guarded_name_comes_in_other_letters(liar: Liar, lying: bool) -> None:
    liar.push({"Environments/production.yaml" if lying else "envs/production.yaml": liar.read(STAGING)})


@story("links", "lookalike")
def a_guarded_name_comes_with_a_sign_that_nobody_sees(liar: Liar, lying: bool) -> None:
    """A zero width joiner: file systems of macOS take the two names for one."""
    tree = liar.git("rev-parse", f"{MAIN}:environments")
    rooted(liar, [("040000", tree, "environ\u200dments" if lying else "envs")])


@story("links", "lookalike")
def a_guarded_name_comes_with_a_dot_that_windows_drops(liar: Liar, lying: bool) -> None:
    tree = liar.git("rev-parse", f"{MAIN}:environments")
    rooted(liar, [("040000", tree, "environments." if lying else "envs")])


@story("links", "lookalike")
def a_guarded_name_comes_in_its_short_form(liar: Liar, lying: bool) -> None:
    """What Windows also calls the folder environments, in names of eight letters and three."""
    tree = liar.git("rev-parse", f"{MAIN}:environments")
    rooted(liar, [("040000", tree, "ENVIRO~1" if lying else "envs")])


@story("links", "tree")
def a_folder_has_two_entries_of_one_name(liar: Liar, lying: bool) -> None:
    tree = liar.git("rev-parse", f"{MAIN}^{{tree}}")
    raw = liar.raw("cat-file", "tree", tree)
    node = b"100644 train.py\0" + bytes.fromhex(liar.id("train.py") or "")
    assert node in raw
    liar.push(tree=liar.object("tree", raw.replace(node, node * 2) if lying else raw))


@story("links", "tree")
def a_folder_holds_a_way_out(liar: Liar, lying: bool) -> None:
    tree = liar.git("rev-parse", f"{MAIN}^{{tree}}")
    raw = liar.raw("cat-file", "tree", tree)
    node = b"100644 train.py\0" + bytes.fromhex(liar.id("train.py") or "")
    liar.push(tree=liar.object("tree", raw.replace(node, node.replace(b"train.py", b"..")) if lying else raw))


@story("links", "tree")
def a_folder_is_not_sorted(liar: Liar, lying: bool) -> None:
    """Git, which looks names up by bisection, and a reader that reads the whole list do not see the same."""
    tree = liar.git("rev-parse", f"{MAIN}^{{tree}}")
    raw = liar.raw("cat-file", "tree", tree)
    node = b"100644 train.py\0" + bytes.fromhex(liar.id("train.py") or "")
    liar.push(tree=liar.object("tree", node + raw.replace(node, b"") if lying else raw))


# Attributes


@story("links", "tree", path=".gitattributes")
def attributes_alter_guarded_files(liar: Liar, lying: bool) -> None:
    liar.push(
        {".gitattributes": "evidence/** text eol=crlf\n" if lying else "src/** text eol=crlf\n*.csv -text\n"}
    )


@story("links", "tree")
def attributes_hide_records_from_archives(liar: Liar, lying: bool) -> None:
    liar.push({".gitattributes": "promotions export-ignore\n" if lying else "docs export-ignore\n"})


@story("links", "tree")
def attributes_alter_manifests_from_inside_their_folder(liar: Liar, lying: bool) -> None:
    liar.push({"data/.gitattributes": "*.manifest.yaml ident\n" if lying else "*.csv ident\n"})


@story("links", "tree")
def attributes_alter_guarded_files_by_a_macro(liar: Liar, lying: bool) -> None:
    """The macro is defined after its use, and in another file than one that uses it."""
    pattern = "*.manifest.yaml" if lying else "*.csv"
    liar.push(
        {".gitattributes": "[attr]pretty text eol=crlf\n", "data/.gitattributes": f"{pattern} pretty\n"}
    )


@story("links", "tree")
def attributes_alter_guarded_files_by_a_macro_that_comes_later(liar: Liar, lying: bool) -> None:
    pattern = "evidence/**" if lying else "docs/**"
    liar.push({".gitattributes": f"{pattern} pretty\n[attr]pretty ident\n"})


# Commits that readers read differently


def rewritten(liar: Liar, old: bytes, new: bytes) -> None:
    """The last commit with other bytes in its header or message."""
    raw = liar.raw("cat-file", "commit", liar.commit({"notes.md": "x\n"}))
    assert old in raw
    liar.move(liar.object("commit", raw.replace(old, new, 1)))


@story("malformed", "object")
def a_commit_names_a_parent_where_git_does_not_look(liar: Liar, lying: bool) -> None:
    """After the committer git takes a parent for a word of no meaning: to git log this commit has no past."""
    if lying:
        raw = liar.raw("cat-file", "commit", liar.commit({"notes.md": "x\n"}))
        parent = f"parent {liar.head}\n".encode()
        head, _, body = raw.replace(parent, b"", 1).partition(b"\n\n")
        liar.git("update-ref", "refs/heads/kept", liar.head)
        liar.move(liar.object("commit", head + b"\n" + parent + b"\n" + body))
    else:
        liar.push({"notes.md": "x\n"})


@story("malformed", "object")
def a_commit_has_two_committers(liar: Liar, lying: bool) -> None:
    rewritten(liar, b"\n\n", b"\ncommitter Lee <lee@example.org> 1 +0000\n\n" if lying else b"\n\n")


@story("malformed", "object")
def a_commit_has_a_nought_byte_in_its_header(liar: Liar, lying: bool) -> None:
    rewritten(liar, b"author Robin", b"author Ro\0bin" if lying else b"author Robyn")


@story("malformed", "object")
def a_commit_is_dated_by_no_number(liar: Liar, lying: bool) -> None:
    raw = liar.raw("cat-file", "commit", liar.commit({"notes.md": "x\n"}))
    date = b"> 99999999999999999999 +0000\n\n" if lying else b"> 1795161600 +0000\n\n"
    liar.move(liar.object("commit", re.sub(rb"> \d+ \+0000\n\n", date, raw, count=1)))


@story("malformed", "pushed-pointer", path=STAGING)
def a_commit_carries_garbage_in_every_header_that_git_allows(liar: Liar, lying: bool) -> None:
    """Signatures of nothing, a merged tag that is none, an encoding that does not exist: they neither help nor harm."""
    edits = {STAGING: "version: 1\n"} if lying else {"notes.md": "x\n"}
    raw = liar.raw("cat-file", "commit", liar.commit(edits))
    more = b"\nmergetag object 0\n type commit\n \n Approved\ngpgsig garbage\n more\nencoding klingon\nx-approved lee\n\n"
    liar.move(liar.object("commit", raw.replace(b"\n\n", more, 1)))


@story("malformed", "pushed-governance", path=PEOPLE)
def a_clone_borrows_its_objects_and_renames_its_people(liar: Liar, lying: bool) -> Path:
    """Alternates and a mailmap change nothing of what is read."""
    edits = {".mailmap": "Lee <lee@example.org> <robin@example.org>\n"}
    if lying:
        edits[PEOPLE] = liar.read(PEOPLE).decode() + "\n"
    liar.push(edits)
    folder = liar.folder.parent / "borrowed"
    command = ["git", "clone", "-q", "--shared", "--bare", str(liar.folder), str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return folder
