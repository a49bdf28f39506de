"""Real git over a bare repository: what GitHub does when it merges, squashes, rebases or compares."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .state import Account

ZERO = "0" * 40


class ConflictError(Exception):
    """Two sides that git cannot put together."""


def run(bare: Path, *words: str, check: bool = True, who: Account | None = None, text: str = "") -> str:
    """git's answer, without the last newline; '' where it refused and ``check`` is off."""
    done = subprocess.run(
        ["git", "-C", str(bare), *words],
        capture_output=True,
        text=True,
        check=check,
        input=text,
        env=environment(who),
    )
    return done.stdout.rstrip("\n") if done.returncode == 0 else ""


def environment(who: Account | None = None) -> dict[str, str]:
    """The process's own, without anybody's git settings; commits are by ``who``, committed by the hub."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    author = (who.login, f"{who.id}+{who.login}@users.noreply.github.com") if who else ("ghost", "ghost@x")
    return clean | {
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": author[0],
        "GIT_AUTHOR_EMAIL": author[1],
        "GIT_COMMITTER_NAME": "GitHub",
        "GIT_COMMITTER_EMAIL": "noreply@github.com",
    }


def create(bare: Path, source: Path | None) -> None:
    """A bare repository that takes pushes over HTTP, with the branches and tags of ``source``."""
    bare.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["git", "init", "--quiet", "--bare", "--initial-branch=main", str(bare)],
        check=True,
        env=environment(),
    )
    run(bare, "config", "http.receivepack", "true")
    run(bare, "config", "uploadpack.allowAnySHA1InWant", "true")
    run(bare, "config", "gc.auto", "0")
    hook = bare / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK)
    hook.chmod(0o755)
    if source is not None:
        run(bare, "fetch", "--quiet", str(source), "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")


def refs(bare: Path) -> dict[str, str]:
    """Every branch and tag and the object that it names."""
    lines = run(
        bare, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags"
    ).splitlines()
    return dict(line.split(" ", 1) for line in lines)  # type: ignore[misc]


def move(bare: Path, ref: str, new: str | None, old: str | None = None) -> bool:
    """Move, create (``old`` zeros) or delete (``new`` None) a ref; False when it was not where ``old`` says."""
    words = ["update-ref", ref, new] if new else ["update-ref", "-d", ref]
    done = subprocess.run(
        ["git", "-C", str(bare), *words, *([old] if old else [])],
        capture_output=True,
        check=False,
        env=environment(),
    )
    return done.returncode == 0


def contains(bare: Path, commit: str, ancestor: str) -> bool:
    """Whether ``ancestor`` is in the history of ``commit``."""
    words = ["git", "-C", str(bare), "merge-base", "--is-ancestor", ancestor, commit]
    return subprocess.run(words, capture_output=True, check=False, env=environment()).returncode == 0


def commit_of(bare: Path, name: str) -> str | None:
    """The commit that a branch, a tag or an abbreviated id names."""
    if name.startswith("-"):
        return None
    for candidate in (f"refs/heads/{name}", f"refs/tags/{name}", name):
        found = run(bare, "rev-parse", "--verify", "--quiet", f"{candidate}^{{commit}}", check=False)
        if found:
            return found
    return None


@dataclass(frozen=True)
class Commit:
    """One commit as the API tells it; author and committer as (name, address, ISO date)."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str
    author: tuple[str, str, str]
    committer: tuple[str, str, str]


def show(bare: Path, sha: str) -> Commit:
    """What commit ``sha`` says of itself."""
    form = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B"
    told = run(bare, "show", "--no-patch", f"--format={form}", sha).split("\0")
    return Commit(
        told[0], told[1], tuple(told[2].split()), told[9].rstrip(), _three(told[3:6]), _three(told[6:9])
    )


def _three(words: list[str]) -> tuple[str, str, str]:
    return words[0], words[1], words[2]


def size(bare: Path, base: str, head: str) -> dict[str, int]:
    """How much ``head`` adds over where it left ``base``."""
    lines = run(bare, "diff", "--numstat", f"{base}...{head}", check=False).splitlines()
    numbers = [line.split("\t")[:2] for line in lines]
    return {
        "commits": int(run(bare, "rev-list", "--count", f"{base}..{head}", check=False) or 0),
        "additions": sum(int(added) for added, _ in numbers if added.isdigit()),
        "deletions": sum(int(gone) for _, gone in numbers if gone.isdigit()),
        "changed_files": len(numbers),
    }


def merged_tree(bare: Path, base: str, head: str) -> str:
    """The tree of both sides together; ConflictError where git finds none."""
    tree = run(bare, "merge-tree", "--write-tree", "--no-messages", base, head, check=False)
    if not tree:
        raise ConflictError
    return tree.splitlines()[0]


def merge(bare: Path, base: str, head: str, who: Account, message: str) -> str:
    """A merge commit of both, as the button makes it."""
    tree = merged_tree(bare, base, head)
    return run(bare, "commit-tree", tree, "-p", base, "-p", head, who=who, text=message)


def squash(bare: Path, base: str, head: str, who: Account, message: str) -> str:
    """One commit on ``base`` with all that ``head`` brings."""
    return run(bare, "commit-tree", merged_tree(bare, base, head), "-p", base, who=who, text=message)


def rebase(bare: Path, base: str, head: str, who: Account) -> str:
    """The commits of ``head`` made anew on ``base``, each with another id, as GitHub always does."""
    commits = run(bare, "rev-list", "--reverse", "--no-merges", f"{base}..{head}").split()
    with tempfile.TemporaryDirectory(dir=bare) as folder:
        tree = f"{folder}/tree"
        run(bare, "worktree", "add", "--quiet", "--detach", tree, base)
        try:
            run(Path(tree), "cherry-pick", "--allow-empty", "--keep-redundant-commits", *commits, who=who)
            return run(Path(tree), "rev-parse", "HEAD")
        except subprocess.CalledProcessError:
            raise ConflictError from None
        finally:
            run(bare, "worktree", "remove", "--force", tree)


# Rules come in through the environment of one push: a line for each ref that this actor may not move freely
# (the ref, the commits that it may go to all the same, and what to say), and the refs that only go forward.
HOOK = r"""#!/bin/sh
refused=0
refuse() { printf 'error: %s\n' "$1" | tr '|' '\n' >&2; refused=1; }
while read -r old new ref; do
  case "$ref" in refs/pull/*) refuse "GH000: deny updating a hidden ref" ;; esac
  rule=$(printf '%s' "$STANDIN_GUARDED" | awk -v ref="$ref" '$1 == ref { sub(/^[^ ]+ /, ""); print; exit }')
  if [ -n "$rule" ]; then
    case ",${rule%% *}," in *",$new,"*) ;; *) refuse "${rule#* }" ;; esac
  fi
  case " $STANDIN_FORWARD " in *" $ref "*)
    zero=0000000000000000000000000000000000000000
    if [ "$new" = "$zero" ]; then
      refuse "GH006: Cannot delete this protected branch"
    elif [ "$old" != "$zero" ] && ! git merge-base --is-ancestor "$old" "$new"; then
      refuse "GH006: Cannot force-push to this branch"
    fi ;;
  esac
done
exit $refused
"""
