"""What a forge should enforce around the main line and the keys, held against what it does; pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlassay.ports import Place, Protection

CHECK = "mlassay/decide"
SIGN, DESK = "mlassay-sign", "mlassay-desk"
KEYS = ("MLASSAY_SIGNING_KEY", "MLASSAY_DESK_KEY", "MLASSAY_APP_KEY")
ACTIONS_APP = 15368
"""GitHub Actions' own App: every job of every workflow posts as it, so a check from it proves nothing."""
UNSEEN = "this token may not see it: use one that may read administration, environments and secrets"


@dataclass(frozen=True, slots=True)
class Guard:
    """One thing that should hold: ``says`` how it is, ``remedy`` the command or page that makes it so."""

    name: str
    met: bool
    says: str
    remedy: str = ""


def guards(found: Protection) -> tuple[Guard, ...]:
    """Everything that the forge should enforce, met or not; what cannot be seen is not met."""
    return (
        *_main_line(found),
        *_check(found),
        *_bypass(found),
        *_places(found),
        *_secrets(found),
        *_token(found),
    )


def _main_line(found: Protection) -> Iterator[Guard]:
    page = f"{found.page}/rules" if found.forge == "GitHub" else found.page
    rules = (
        ("protection", found.protected, "is protected", "is not protected", "protect it"),
        (
            "force-push",
            _not(found.force_push),
            "takes no force push",
            "takes force pushes",
            "forbid force pushes",
        ),
        ("deletion", _not(found.deletion), "cannot be deleted", "can be deleted", "forbid its deletion"),
        (
            "pull-request",
            found.pull_request,
            "takes changes by pull request only",
            "takes pushes of anybody who may write",
            "require a pull request",
        ),
    )
    for name, met, yes, no, remedy in rules:
        yield _guard(name, met, f"{found.branch} {yes}", f"{found.branch} {no}", f"{remedy}: {page}")


def _check(found: Protection) -> Iterator[Guard]:
    page = f"{found.page}/rules" if found.forge == "GitHub" else found.page
    name, remedy = "required-check", f"require the status check {CHECK}: {page}"
    if found.checks is None:
        yield Guard(name, False, f"whether {CHECK} is required is not known", UNSEEN)
        return
    wanted = [check for check in found.checks if check.name == CHECK]
    if not wanted:
        yield Guard(name, False, f"{found.branch} does not wait for {CHECK}", remedy)
    elif found.forge != "GitHub":
        yield Guard(
            name, True, f"{found.branch} waits for {CHECK}; {found.forge} cannot say from whom it must come"
        )
    elif all(check.app not in (0, ACTIONS_APP) for check in wanted):
        yield Guard(name, True, f"{found.branch} waits for {CHECK} from the App {wanted[0].app}")
    else:
        whose = "any job of any workflow" if wanted[0].app else "anybody who may write statuses"
        says = f"{found.branch} waits for {CHECK}, and {whose} can post that"
        yield Guard(name, False, says, f"require it from your own GitHub App as its source: {page}")


def _bypass(found: Protection) -> Iterator[Guard]:
    page = f"{found.page}/rules" if found.forge == "GitHub" else found.page
    if found.bypass is None:
        if found.protected is not False:
            yield Guard("bypass", False, "who may go past these rules is not known", UNSEEN)
        return
    machines = ("Integration", "DeployKey", "deploy keys", "user ")
    people = [who for who in found.bypass if not who.startswith(machines)]
    told = ", ".join(found.bypass) or "nobody"
    remedy = f"leave only the App or the deploy key that records evidence: {page}"
    yield Guard("bypass", not people, f"past these rules may go: {told}", remedy if people else "")


def _places(found: Protection) -> Iterator[Guard]:
    if found.places is None:
        if "environments" in found.unknown:
            yield Guard("environments", False, "which environments there are is not known", UNSEEN)
        return
    by_name = {place.name: place for place in found.places}
    for name in (SIGN, DESK):
        yield _place(found, name, by_name.get(name))


def _place(found: Protection, name: str, place: Place | None) -> Guard:
    page = f"{found.page}/environments"
    if place is None:
        return Guard(
            f"environment {name}",
            False,
            "there is no such environment",
            f"make it, for {found.branch} only: {page}",
        )
    if place.branches is None or set(place.branches) != {found.branch}:
        where = "every branch" if place.branches is None else ", ".join(place.branches) or "no branch"
        remedy = f"limit it to {found.branch}: {page}"
        return Guard(f"environment {name}", False, f"its secrets are open to: {where}", remedy)
    holds = ", ".join(sorted(place.secrets)) or "no secret that this token can see"
    return Guard(f"environment {name}", True, f"open to {found.branch} only; holds {holds}")


def _secrets(found: Protection) -> Iterator[Guard]:
    if found.secrets is None:
        yield Guard("secrets", False, "which secrets the repository holds is not known", UNSEEN)
        return
    loose = [key for key in KEYS if key in found.secrets]
    says = "no key of mlassay's lies where every branch can read it"
    if loose:
        says = f"{', '.join(loose)}: a workflow of any branch can read it"
    place = (
        f"the environments {SIGN} and {DESK}"
        if found.forge == "GitHub"
        else "a runner that branches cannot use"
    )
    remedy = f"make it anew, put it into {place}, and delete it here: {found.page}"
    yield Guard("secrets", not loose, says, remedy if loose else "")


def _token(found: Protection) -> Iterator[Guard]:
    if found.token_writes is None and "default workflow permissions" not in found.unknown:
        return
    yield _guard(
        "workflow-token",
        _not(found.token_writes),
        "a workflow's own token only reads, unless a job asks for more",
        "a workflow's own token may write by default",
        f"set the default to read: {found.page}/actions",
    )


def _guard(name: str, met: bool | None, yes: str, no: str, remedy: str) -> Guard:
    if met is None:
        return Guard(name, False, f"not known: whether {yes}", UNSEEN)
    return Guard(name, met, yes if met else no, "" if met else remedy)


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value
