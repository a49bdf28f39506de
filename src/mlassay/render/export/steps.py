"""The numbered commands by which anybody checks an export: one source for the page and for ``check.sh``.

They need git, ssh-keygen, openssl, sha256sum, a POSIX shell, grep, and the core utilities. No name of the repository stands
in any of them: names are read from lists, and always quoted.
"""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.audit.export import Export


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what it is called, what it shows, what to look at, and the commands."""

    title: str
    why: str
    commands: str


def steps(export: Export) -> tuple[Step, ...]:
    """The steps for one export, in order; each relies on those before it."""
    history = _PACK if export.redacted else _BUNDLE
    return (
        Step("Get ready", _WHY["ready"], _READY.replace("@COMMIT@", export.commit)),
        Step("The files arrived as they were packed", _WHY["sums"], _SUMS),
        Step("The history is whole, and is the one named above", _WHY["history"], history),
        Step("Each plain file is the one in the history", _WHY["files"], _FILES),
        Step("The keys are those of people.yaml", _WHY["keys"], _KEYS),
        Step("Records were only ever added", _WHY["added"], _ADDED),
        Step("Each person signed what stands in their name", _WHY["people"], _PEOPLE),
        Step("Each machine signed what stands in its name", _WHY["machines"], _MACHINES),
        Step("Each release is what was signed", _WHY["releases"], _RELEASES),
        Step("What ran, and what let it in", _WHY["pointers"], _POINTERS),
    )


_WHY = {
    "ready": (
        "Unpack the archive, go into its folder, and start a shell of its own (`sh`), because a step that fails ends it. "
        "The long number is the id of the commit that this export is about. Compare it with one that you got in another "
        "way: from an anchor, an earlier export, or a letter. **Everything below hangs on that number.** Whoever could "
        "change it unseen could send you another history, well made from the start."
    ),
    "sums": "`SHA256SUMS` lists every other file. This finds accidents; whoever alters a file on purpose alters the list too, and is found later.",
    "history": (
        "Git names everything by the digest of its bytes, so one id stands for all that came before it. These commands load "
        "the history into an empty repository, let git compute every id again, and compare the last one."
    ),
    "files": (
        "The folder `files/` is there for reading. Its list is held against the history's own list in both directions, so "
        "nothing is added and nothing is missing; then git computes the id of each file again."
    ),
    "keys": (
        "Each `governance/people.yaml` that ever was in force has its folder under `keys/`. The keys were taken out of it so "
        "that ssh-keygen and openssl can read them. Each key is looked up in the history's own file, under the name that it "
        "is given. From when to when a key holds stands beside it: compare these times with people.yaml yourself."
    ),
    "added": (
        "Evidence, promotions, changes and waivers may only be added. Then a list is made of what each commit added, and of the "
        "people.yaml before it: a key counts only when it was there before what it signs."
    ),
    "people": (
        "Approvals, refusals, withdrawals, waivers and requests carry an SSH signature. Each is held against the keys of the "
        "person whom it names, at the time of the commit that brought it in. Each answer must name the digest of the very "
        "request beside it."
    ),
    "machines": (
        "Statements of a CI lie in envelopes (DSSE): the payload in base64, and a signature over a short header and the payload. "
        "The commands take both out of the envelope itself, and hold the key to its time and to what it may say."
    ),
    "releases": (
        "The release digest is the SHA-256 of `release.json`; the model's digest stands in it, and in the model's signature. "
        "The signed summary must list every file of the release."
    ),
    "pointers": (
        "The list shows every change of what runs, newest first. What runs now must be what its promotion asked for. Below each "
        "promotion stands who approved it: whether those people were enough is for the policy to say, and for you to read."
    ),
}

_READY = r"""
set -eu
export LC_ALL=C TZ=UTC0 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_NO_REPLACE_OBJECTS=1
commit='@COMMIT@'
work=$(mktemp -d)
tab=$(printf '\t')
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
past() { git --git-dir="$work/history.git" -c core.quotePath=true "$@"; }
# one member of a record in canonical JSON, which has each on a line of its own: at the top of the record, or at any depth
member() { grep "^  \"$1\": \"" "$2" | cut -d '"' -f 4; }
inner() { grep "^ *\"$1\": \"" "$2" | cut -d '"' -f 4; }
sum() { sha256sum < "$1" | cut -c 1-64; }
left_out() { cut -f 4 lists/left-out.tsv | grep -qxF -e "$1"; }
printf 'commit %s\n' "$commit"
"""

_SUMS = r"""
sha256sum --check --strict --quiet SHA256SUMS || fail 'a file is not what SHA256SUMS says'
echo 'ok: every file is what SHA256SUMS says'
"""

_BUNDLE = r"""
git clone --quiet --bare --branch main history.bundle "$work/history.git" || fail 'the bundle cannot be read'
past bundle verify "$PWD/history.bundle" > /dev/null 2>&1 || fail 'the bundle lacks something'
past fsck --full --no-dangling --no-progress || fail 'an object is not what its id says'
test "$(past rev-parse refs/heads/main)" = "$commit" || fail 'the history ends in another commit'
echo "ok: $(past rev-list --first-parent --count "$commit") commits on the main line, up to $commit"
"""

_PACK = r"""
git init --quiet --bare "$work/history.git"
past index-pack --stdin < history.pack > /dev/null || fail 'the pack cannot be read'
past update-ref refs/heads/main "$commit" || fail 'the commit is not there'
past symbolic-ref HEAD refs/heads/main
past fsck --full --no-dangling --no-progress > "$work/fsck.txt" 2>&1 || :
# what git misses must be exactly what was left out, and nothing else may be wrong
if grep -v -e '^missing ' -e '^broken link from ' -e '^ *to ' -e '^notice: ' "$work/fsck.txt"; then fail 'an object is not what its id says'; fi
{ grep '^missing ' "$work/fsck.txt" || :; } | cut -d ' ' -f 3 | sort -u > "$work/missing.txt"
{ cut -f 1 lists/left-out.tsv; cat lists/missing.txt; } | sort -u > "$work/told.txt"
cmp "$work/missing.txt" "$work/told.txt" || fail 'something else is missing than what was left out'
echo "ok: $(past rev-list --first-parent --count "$commit") commits on the main line, up to $commit"
echo "left out: $(cut -f 1 lists/left-out.tsv | sort -u | wc -l) files, told in lists/left-out.tsv"
"""

_FILES = r"""
past ls-tree -r --full-tree "$commit" | grep ' blob ' | grep -E "$tab\"?((governance|environments|evidence|promotions|changes)(/|\"?\$)|data/.+\.(manifest\.yaml|missing\.md)\"?\$|ml\.yaml\$)" | sort > "$work/tree.txt" || :
cut -f 1,3 lists/files.tsv | sort > "$work/listed.txt"
cmp "$work/tree.txt" "$work/listed.txt" || fail 'lists/files.tsv is not the list of the history'
grep -v "$tab-$tab" lists/files.tsv > "$work/here.tsv" || :
cut -f 2 "$work/here.tsv" | git hash-object --no-filters --stdin-paths > "$work/computed.txt" || fail 'a file is missing'
cut -f 1 "$work/here.tsv" | cut -d ' ' -f 3 > "$work/expected.txt"
cmp "$work/computed.txt" "$work/expected.txt" || fail 'a file under files/ is not the one in the history'
{ grep "$tab-$tab" lists/files.tsv || :; } | cut -f 3 | while read -r path; do left_out "$path" || fail "$path is missing"; done
echo "ok: $(wc -l < "$work/here.tsv") files are those of the history"
"""

_KEYS = r"""
for folder in keys/*/; do
  id=${folder#keys/}; id=${id%/}
  past cat-file blob "$id" > "$work/people.yaml" || fail "the history holds no people.yaml $id"
  flat=$(cut -d '#' -f 1 "$work/people.yaml" | tr '\r\n' '  ' | tr -d "\"'"); bare=$(printf '%s' "$flat" | tr -d ' ')
  names=$(cut -d ' ' -f 1 "$folder/allowed_signers" | sort -u; cut -f 2 "$folder/signers.tsv")
  while read -r who options kind key; do
    case $flat in *"$key"*) ;; *) fail "a key of $who is not in people.yaml $id" ;; esac
    before=${flat%%"$key"*}; owner=; shortest=${#before}
    for name in $names; do  # whose name stands last before the key
      rest=${before##*[!a-z0-9-]"$name":}
      if [ "${#rest}" -lt "$shortest" ]; then shortest=${#rest}; owner=$name; fi
    done
    test "$owner" = "$who" || fail "the key of $who stands under $owner in people.yaml $id"
    printf '%s: %s %s %s\n' "$(printf '%s' "$id" | cut -c 1-8)" "$who" "$kind" "$options"
  done < "$folder/allowed_signers"
  while IFS=$tab read -r keyid who from until kinds; do
    if [ -e "$folder/$keyid.pem" ]; then
      test "$(sum "$folder/$keyid.pem")" = "$keyid" || fail "the key of $who is not the one that its id names"
      whole=$(grep -v -e '-----' "$folder/$keyid.pem" | tr -d '\n')
      case $bare in *"$whole"*) ;; *) fail "the key of $who is not in people.yaml $id" ;; esac
    else
      head -n 1 "$folder/$keyid.pins" | tr -d '\n' > "$work/identity"
      case $flat in *"$(cat "$work/identity")"*) ;; *) fail "what $who is pinned to is not in people.yaml $id" ;; esac
    fi
    for kind in $kinds; do
      case $flat in *"$kind"*) ;; *) fail "$who may sign $kind nowhere in people.yaml $id" ;; esac
    done
    printf '%s: %s from %s until %s\n' "$(printf '%s' "$id" | cut -c 1-8)" "$who" "$from" "$until"
  done < "$folder/signers.tsv"
done
echo 'ok: every key stands in the people.yaml of its time'
"""

_ADDED = r"""
set -- promotions changes governance/waivers evidence
past log --first-parent -m --no-renames --diff-filter=a --name-only --format= "$commit" -- "$@" > "$work/touched.txt"
if grep . "$work/touched.txt"; then fail 'these records were changed or deleted after they were added'; fi
past log --first-parent -m --reverse --no-renames --diff-filter=A --name-only --date=format-local:%Y%m%d%H%M%S --format='commit %cd %H %P' "$commit" -- "$@" > "$work/added.txt"
latest=0; own=; folder=; base=; people=; parent=; now=; : > "$work/records.tsv"
while read -r word time id before others; do
  case $word in
    '') continue ;;
    commit) parent=$before; if [ "$time" -gt "$latest" ]; then latest=$time; fi; now=$latest; continue ;;
    governance/waivers/*.json|governance/waivers/*.json.sig) own=${word%.sig} ;;
    governance/waivers/*) continue ;;
    evidence/*/*) own=${word#evidence/}; own=evidence/${own%%/*} ;;
    promotions/*/*/*|changes/*/*) own=${word%/*}; own=${own%/approvals}; own=${own%/refusals}; own=${own%/withdrawals} ;;
    '"'*) fail "$word is no name that a record has" ;;
    *) continue ;;
  esac
  case $word in *[!A-Za-z0-9/._-]*) fail "$word is no name that a record has" ;; esac
  test -z "$time" || fail "$word $time is no name that a record has"
  if [ "$own" != "$folder" ]; then  # commits that bring one request together are judged by the keys before the first
    folder=$own; base=$parent; people=
    if [ -n "$base" ]; then people=$(past rev-parse --verify --quiet "$base:governance/people.yaml" || :); fi
  fi
  test -n "$people" || fail "$word came in before anybody had a key"
  test -d "keys/$people" || fail "the keys of people.yaml $people are not here"
  printf '%s\t%s\t%s\n' "$word" "$people" "$now" >> "$work/records.tsv"
done < "$work/added.txt"
echo "ok: $(wc -l < "$work/records.tsv") files were added, and none was changed since"
"""

_PEOPLE = r"""
while IFS=$tab read -r path people now; do
  file=files/$path
  case $path in
    *.json) ;;
    *) continue ;;
  esac
  case $path in
    promotions/*/approvals/*|changes/*/approvals/*) what=approval; field=person ;;
    promotions/*/refusals/*|changes/*/refusals/*) what=refusal; field=person ;;
    promotions/*/withdrawals/*|changes/*/withdrawals/*) what=withdrawal; field=person ;;
    governance/waivers/*) what=waiver; field=person ;;
    promotions/*/request.json|changes/*/request.json) what=request; field=requester ;;
    *) continue ;;
  esac
  if [ ! -e "$file" ]; then left_out "$path" || fail "$path is missing"; echo "NOT CHECKED: $path was left out"; continue; fi
  if [ "$what" = request ] && [ -e "${file%.json}.dsse.json" ]; then continue; fi  # a machine asked: the next step
  who=$(member "$field" "$file")
  case $who in ''|*[!A-Za-z0-9._-]*) fail "$path names nobody" ;; esac
  test -e "$file.sig" || fail "$path carries no signature"
  ssh-keygen -Y verify -f "keys/$people/allowed_signers" -I "$who" -n mlassay -O verify-time="$now" -s "$file.sig" < "$file" > /dev/null 2>&1 || fail "$path is not signed by $who with a key that held on $now"
  case $what in approval|refusal|withdrawal)
    test "$(member request "$file")" = "sha256:$(sum "${file%/*/*}/request.json")" || fail "$path answers another request"
    test "${path##*/}" = "$who.json" || fail "$path is named after somebody else than $who"
  esac
  printf 'ok: %s of %s, %s\n' "$what" "$who" "$path"
done < "$work/records.tsv"
"""

_MACHINES = r"""
while IFS=$tab read -r path people now; do
  file=files/$path
  case $path in
    *.dsse.json|evidence/*/model.sig) ;;
    *) continue ;;
  esac
  if [ ! -e "$file" ]; then left_out "$path" || fail "$path is missing"; echo "NOT CHECKED: $path was left out"; continue; fi
  # the payload and the signature, out of the envelope, and in no other spelling than the envelope's own
  encoded=$(inner payload "$file") || fail "$path holds no one payload"
  printf '%s' "$encoded" | base64 -d > "$work/payload" || fail "$path holds no base64"
  test "$(base64 -w 0 < "$work/payload")" = "$encoded" || fail "$path spells its payload in another way"
  inner sig "$file" | base64 -d > "$work/signature" || fail "$path holds no one signature"
  kind=$(inner payloadType "$file")
  { printf 'DSSEv1 %d %s %d ' "${#kind}" "$kind" "$(wc -c < "$work/payload")"; cat "$work/payload"; } > "$work/signed"
  says=$(member predicateType "$work/payload")
  keyid=$(inner keyid "$file")
  bundle=; case $path in
    *.dsse.json) if [ -e "${file%.dsse.json}.sigstore.json" ]; then bundle=${file%.dsse.json}.sigstore.json; fi ;;
    *) if grep -q '^ *"rawBytes": "' "$file"; then bundle=$file; fi ;;
  esac
  if [ -n "$bundle" ]; then  # signed in a CI run, with a key that its certificate names
    inner rawBytes "$bundle" | base64 -d > "$work/certificate"
    openssl x509 -inform DER -in "$work/certificate" -noout -pubkey > "$work/key.pem" || fail "$path has no certificate"
    openssl x509 -inform DER -in "$work/certificate" -noout -ext subjectAltName > "$work/names.txt"
    signer=
    while IFS=$tab read -r id who from until kinds; do
      if [ -e "keys/$people/$id.pins" ] && grep -qF -e "URI:$(head -n 1 "keys/$people/$id.pins")" "$work/names.txt"; then signer=$id; fi
    done < "keys/$people/signers.tsv"
    test -n "$signer" || fail "$path is signed by a run that people.yaml does not name"
    keyid=$signer; pem=$work/key.pem
    if [ "$bundle" != "$file" ]; then inner sig "$bundle" | base64 -d > "$work/signature"; test "$(inner payload "$bundle")" = "$encoded" || fail "$bundle is about something else"; fi
    echo "NOT CHECKED: who issued the certificate of $path, and the log's promise (use cosign or sigstore)"
  else
    pem=keys/$people/$keyid.pem
  fi
  case $keyid in ''|*[!0-9a-f]*) fail "$path names no key" ;; esac
  test -e "$pem" || fail "$path is signed with a key that was not in people.yaml"
  IFS=$tab read -r id who from until kinds <<END
$(grep "^$keyid$tab" "keys/$people/signers.tsv")
END
  [ "$now" -ge "$from" ] && [ "$now" -lt "$until" ] || fail "the key of $who did not hold on $now ($path)"
  case " $kinds " in *" $says "*) ;; *) fail "$who may not sign $says ($path)" ;; esac
  openssl dgst -sha256 -verify "$pem" -signature "$work/signature" "$work/signed" > /dev/null 2>&1 || fail "$path is not signed by $who"
  # what it is about: the release, or the request beside it
  case $path in
    evidence/*) own=${path#evidence/}; about=files/evidence/${own%%/*}/release.json ;;
    *) about=${file%/*}/request.json ;;
  esac
  if [ -e "$about" ]; then grep -qF -e "$(sum "$about")" "$work/payload" || fail "$path is about something else than $about"; fi
  printf 'ok: %s by %s, %s\n' "$says" "$who" "$path"
done < "$work/records.tsv"
"""

_RELEASES = r"""
while IFS=$tab read -r path people now; do
  case $path in evidence/*/release.json) ;; *) continue ;; esac
  folder=${path%/release.json}; release=${folder#evidence/}
  test "$(sum "files/$path" | cut -c 1-8)" = "${release#*-}" || fail "$release is not named after its digest"
  model=files/$folder/model.onnx
  if [ -e "$model" ]; then
    grep -qF -e "\"sha256:$(sum "$model")\"" "files/$path" || fail "the model of $release is another one"
    inner payload "files/$folder/model.sig" | base64 -d | grep -qF -e "$(sum "$model")" || fail "the model's signature in $release is about another one"
  fi
  inner payload "files/$folder/verdict.dsse.json" | base64 -d > "$work/summary" || fail "$release has no signed summary"
  cut -f 1 "$work/records.tsv" | grep -e "^$folder/" > "$work/these.txt"
  while read -r each; do
    case $each in "$folder/verdict.dsse.json"|"$folder/verdict.sigstore.json") continue ;; esac
    if [ ! -e "files/$each" ]; then left_out "$each" || fail "$each is missing"; continue; fi
    grep -qF -e "\"$(sum "files/$each")\"" "$work/summary" || fail "the signed summary does not list $each as it is"
  done < "$work/these.txt"
  printf 'ok: release %s, verdict %s, %s files\n' "$release" "$(member outcome "files/$folder/verdict.json")" "$(wc -l < "$work/these.txt")"
done < "$work/records.tsv"
"""

_POINTERS = r"""
past log --first-parent -m --no-renames --name-only --date=format-local:%Y-%m-%dT%H:%M:%SZ --format='%cd %h %s' "$commit" -- environments | tr -d '\000-\010\013-\037\177'
{ grep "${tab}environments/.*\.yaml\$" "$work/here.tsv" || :; } | cut -f 2 > "$work/pointers.txt"
while read -r file; do
  environment=${file#files/environments/}; environment=${environment%.yaml}
  promotion=$(grep '^promotion: ' "$file" | cut -d ' ' -f 2 | tr -d '"')
  request=files/promotions/$environment/$promotion/request.json
  test -e "$request" || fail "no promotion explains what $environment runs"
  digest=$(member release_digest "$request"); release=$(member release "$request")
  grep -qF -e "$digest" "$file" || fail "$environment runs something else than its promotion asked for"
  grep -qF -e "$release" "$file" || fail "$environment runs something else than its promotion asked for"
  test "sha256:$(sum "files/evidence/$release/release.json")" = "$digest" || fail "$release is another release"
  printf '%s runs %s (promotion %s, asked by %s)\n' "$environment" "$release" "$promotion" "$(member requester "$request")"
  for each in "${request%/*}"/approvals/*.json; do
    if [ -e "$each" ]; then printf '  approved by %s: read %s\n' "$(member person "$each")" "$each"; fi
  done
done < "$work/pointers.txt"
echo "ok: what runs is what its promotions asked for"
"""
