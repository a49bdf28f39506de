#!/bin/sh
# The commands of README.md, in order. Run it in this folder: sh check.sh [COMMIT]
# COMMIT is the id that you know from elsewhere; without it, compare the one that is printed.
cd "$(dirname "$0")"

echo
echo '== 1. Get ready'
set -eu
export LC_ALL=C TZ=UTC0 GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_NO_REPLACE_OBJECTS=1
commit='COMMIT'
work=$(mktemp -d)
tab=$(printf '\t')
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
past() { git --git-dir="$work/history.git" -c core.quotePath=true "$@"; }
# one member of a record in canonical JSON, which has each on a line of its own: at the top of the record, or at any depth
member() { grep "^  \"$1\": \"" "$2" | cut -d '"' -f 4; }
inner() { grep "^ *\"$1\": \"" "$2" | cut -d '"' -f 4; }
sum() { sha256sum < "$1" | cut -c 1-64; }
left_out() { cut -f 4 lists/left-out.tsv | grep -qxF -e "$1"; }
# whether a record is here; one that is neither here nor among what was left out ends the check
here() {
  if [ -e "files/$1" ]; then return 0; fi
  left_out "$1" || fail "$1 is missing"
  echo "NOT CHECKED: $1 was left out"
  return 1
}
printf 'commit %s\n' "$commit"

if [ -n "${1:-}" ] && [ "$1" != "$commit" ]; then fail "this export is about commit $commit, not about $1"; fi

echo
echo '== 2. The files arrived as they were packed'
sha256sum --check --strict --quiet SHA256SUMS || fail 'a file is not what SHA256SUMS says'
echo 'ok: every file is what SHA256SUMS says'

echo
echo '== 3. The history is whole, and is the one named above'
git clone --quiet --bare --branch main history.bundle "$work/history.git" || fail 'the bundle cannot be read'
past bundle verify "$PWD/history.bundle" > /dev/null 2>&1 || fail 'the bundle lacks something'
past fsck --full --no-dangling --no-progress || fail 'an object is not what its id says'
test "$(past rev-parse refs/heads/main)" = "$commit" || fail 'the history ends in another commit'
echo "ok: $(past rev-list --first-parent --count "$commit") commits on the main line, up to $commit"

echo
echo '== 4. Each plain file is the one in the history'
past ls-tree -r --full-tree "$commit" | grep ' blob ' | grep -E "$tab\"?((governance|environments|evidence|promotions|changes)(/|\"?\$)|data/.+\.(manifest\.yaml|missing\.md)\"?\$|ml\.yaml\$)" | sort > "$work/tree.txt" || :
cut -f 1,3 lists/files.tsv | sort > "$work/listed.txt"
cmp "$work/tree.txt" "$work/listed.txt" || fail 'lists/files.tsv is not the list of the history'
grep -v "$tab-$tab" lists/files.tsv > "$work/here.tsv" || :
cut -f 2 "$work/here.tsv" | git hash-object --no-filters --stdin-paths > "$work/computed.txt" || fail 'a file is missing'
cut -f 1 "$work/here.tsv" | cut -d ' ' -f 3 > "$work/expected.txt"
cmp "$work/computed.txt" "$work/expected.txt" || fail 'a file under files/ is not the one in the history'
{ grep "$tab-$tab" lists/files.tsv || :; } | cut -f 3 | while read -r path; do left_out "$path" || fail "$path is missing"; done
echo "ok: $(wc -l < "$work/here.tsv") files are those of the history"

echo
echo '== 5. The keys are those of people.yaml'
# the part of people.yaml that is about one person or machine: from that name to the next one
part_of() {
  part=${flat#*[!a-z0-9-]"$1":}
  test "$part" != "$flat" || fail "people.yaml $id does not name $1"
  for other in $names; do if [ "$other" != "$1" ]; then part=${part%%[!a-z0-9-]"$other":*}; fi; done
}
day() { printf '%s-%s-%s' "$(printf '%s' "$1" | cut -c 1-4)" "$(printf '%s' "$1" | cut -c 5-6)" "$(printf '%s' "$1" | cut -c 7-8)"; }
look() { echo "COMPARE YOURSELF: when the key of $who holds, in people.yaml $id"; }
# the times beside a key, against those in people.yaml: some are told there in another way
window() {
  case $part in *"$(day "$1")"*) ;; *) look; return ;; esac
  if [ "$2" = 99991231235959 ]; then
    case $part in *valid_until:*|*revoked:*) look ;; esac
  else
    case $part in *"$(day "$2")"*) ;; *) look ;; esac
  fi
}
for folder in keys/*/; do
  id=${folder#keys/}; id=${id%/}
  past cat-file blob "$id" > "$work/people.yaml" || fail "the history holds no people.yaml $id"
  flat=$(cut -d '#' -f 1 "$work/people.yaml" | tr '\r\n' '  ' | tr -d "\"'")
  names=$(cut -d ' ' -f 1 "$folder/allowed_signers" | sort -u; cut -f 2 "$folder/signers.tsv")
  while read -r who options kind key; do
    part_of "$who"
    case $part in *"$kind $key"*) ;; *) fail "people.yaml $id gives $who another key" ;; esac
    from=${options#*valid-after=\"}; until=${options#*valid-before=\"}
    if [ "$until" = "$options" ]; then until=99991231235959; fi
    window "${from%%\"*}" "${until%%\"*}"
    echo "$who: $kind $options"
  done < "$folder/allowed_signers"
  while IFS=$tab read -r keyid who from until kinds; do
    part_of "$who"
    if [ -e "$folder/$keyid.pem" ]; then
      test "$(sum "$folder/$keyid.pem")" = "$keyid" || fail "the key of $who is not the one that its id names"
      whole=$(grep -v -e '-----' "$folder/$keyid.pem" | tr -d '\n')
    else
      whole=$(head -n 1 "$folder/$keyid.pins")
    fi
    case $(printf '%s' "$part" | tr -d ' ') in *"$whole"*) ;; *) fail "people.yaml $id gives $who another key" ;; esac
    for kind in $kinds; do
      case $part in *"$kind"*) ;; *) fail "people.yaml $id does not let $who sign $kind" ;; esac
    done
    window "$from" "$until"
    echo "$who: from $from until $until, $kinds"
  done < "$folder/signers.tsv"
done
echo 'ok: every key stands in the people.yaml of its time, under the name that it is given'

echo
echo '== 6. Records were only ever added'
set -- promotions changes governance/waivers evidence
past log --first-parent -m --no-renames --diff-filter=a --name-only --format= "$commit" -- "$@" > "$work/touched.txt"
if grep . "$work/touched.txt"; then fail 'these records were changed or deleted after they were added'; fi
past log --first-parent -m --reverse --no-renames --diff-filter=A --name-only --date=format-local:%Y%m%d%H%M%S --format='commit %cd %H %P' "$commit" -- "$@" > "$work/added.txt"
latest=0; own=; folder=; base=; people=; parent=; current=; now=; : > "$work/records.tsv"
while read -r word time id before others; do
  case $word in
    '') continue ;;
    commit) parent=$before; current=$id; if [ "$time" -gt "$latest" ]; then latest=$time; fi; now=$latest; continue ;;
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
    case $word in
      */record.dsse.json) ;;
      promotions/*|changes/*) if [ -n "$base" ] && past cat-file -e "$base:$own/request.json" 2> /dev/null; then fail "$word was added after its request had landed"; fi ;;
    esac
    if [ -n "$base" ]; then people=$(past rev-parse --verify --quiet "$base:governance/people.yaml" || :); fi
  fi
  test -n "$people" || fail "$word came in before anybody had a key"
  test -d "keys/$people" || fail "the keys of people.yaml $people are not here"
  printf '%s\t%s\t%s\t%s\n' "$word" "$people" "$now" "$current" >> "$work/records.tsv"
done < "$work/added.txt"
echo "ok: $(wc -l < "$work/records.tsv") files were added, and none was changed since"

echo
echo '== 7. Keys, rules and manifests changed by request only'
past log --first-parent -m --reverse --no-renames --name-only --date=format-local:%Y%m%d%H%M%S --format='commit %cd %H %P' "$commit" -- governance data > "$work/changed.txt"
root=; current=; parent=; now=; count=0
# whether a change request came in with the commit that is looked at
with_request() { grep -q -e "^changes/[^/]*/request.json$tab.*$tab$current\$" "$work/records.tsv"; }
# a text that came without a change request: somebody whose key counted before must have signed it as it stands
signed_text() {
  if left_out "$1"; then printf 'NOT CHECKED: %s was left out\n' "$1"; return; fi
  for each in "$1" "$1.sig"; do
    past cat-file blob "$current:$each" > "$work/${each#"$1"}.text" 2> /dev/null || { printf 'NOT CHECKED: whose words %s holds since %s, as neither a change request nor a signature came with it\n' "$1" "$current"; return; }
  done
  people=$(past rev-parse --verify --quiet "$parent:governance/people.yaml" || :)
  for who in $(cut -d ' ' -f 1 "keys/$people/allowed_signers" | sort -u); do
    if ssh-keygen -Y verify -f "keys/$people/allowed_signers" -I "$who" -n mlassay -O verify-time="$now" -s "$work/.sig.text" < "$work/.text" > /dev/null 2>&1; then
      printf 'ok: text signed by %s, %s\n' "$who" "$1"; return
    fi
  done
  fail "$1 is signed by nobody as it stands in $current"
}
while IFS= read -r line; do
  case $line in
    '') continue ;;
    'commit '*) parent=${line#commit }; now=${parent%% *}; parent=${parent#* }; current=${parent%% *}; parent=${parent#"$current"}; parent=${parent# }; parent=${parent%% *}; continue ;;
    governance/waivers/*|'"governance/waivers/'*) continue ;;
    governance/deliberations/*|'"governance/deliberations/'*)
      if [ -z "$root" ] || [ "$current" = "$root" ]; then continue; fi
      path=governance
      with_request || { signed_text "${line%.sig}"; continue; } ;;
    governance/*|'"governance/'*) path=governance ;;
    data/*.manifest.yaml|'"data/'*'.manifest.yaml"') path=$line ;;
    *) continue ;;
  esac
  if [ -z "$root" ]; then  # the first commit with a policy, and with people of whom anybody has a key
    people=$(past rev-parse --verify --quiet "$current:governance/people.yaml" || :)
    if [ -n "$people" ] && past cat-file -e "$current:governance/policy.yaml" 2> /dev/null && { [ -s "keys/$people/allowed_signers" ] || [ -s "keys/$people/signers.tsv" ]; }; then root=$current; fi
    continue
  fi
  if [ "$current" = "$root" ]; then continue; fi
  case $path in
    '"'*) new=$(past ls-tree -r --full-tree "$current" -- data | { grep -F -e "$tab$path" || :; } | cut -f 1 | cut -d ' ' -f 3) ;;
    *) new=$(past rev-parse --verify --quiet "$current:$path" || :) ;;
  esac
  request=$(grep -e "^changes/[^/]*/request.json$tab.*$tab$current\$" "$work/records.tsv" | cut -f 1)
  test -n "$request" || fail "$path was changed in $current, and no request asked for it"
  if [ -n "$new" ]; then new="\"$new\""; else new=null; fi
  here "$request" || continue
  grep -qF -e "\"new\": $new" "files/$request" || fail "$path became something else in $current than its request asked for"
  count=$((count + 1))
done < "$work/changed.txt"
echo "root of trust: commit ${root:-none}, whose policy and people nothing here can explain"
echo "ok: $count changes of policy, people and manifests since then were asked for by signed requests"

echo
echo '== 8. Each person signed what stands in their name'
while IFS=$tab read -r path people now brought; do
  file=files/$path
  case $path in
    *.dsse.json) continue ;;  # the next step
    *.json) ;;
    *) continue ;;
  esac
  case $path in
    promotions/*/approvals/*|changes/*/approvals/*) what=approval; field=person ;;
    promotions/*/refusals/*|changes/*/refusals/*) what=refusal; field=person ;;
    promotions/*/withdrawals/*|changes/*/withdrawals/*) what=withdrawal; field=person ;;
    governance/waivers/*) what=waiver; field=person ;;
    promotions/*/request.json|changes/*/request.json) what=request; field=requester ;;
    promotions/*|changes/*) fail "$path is no record of a request" ;;
    *) continue ;;
  esac
  here "$path" || continue
  if [ "$what" = request ] && [ -e "${file%.json}.dsse.json" ]; then continue; fi  # a machine asked: the next step
  who=$(member "$field" "$file")
  case $who in ''|*[!A-Za-z0-9._-]*) fail "$path names nobody" ;; esac
  test -e "$file.sig" || fail "$path carries no signature"
  ssh-keygen -Y verify -f "keys/$people/allowed_signers" -I "$who" -n mlassay -O verify-time="$now" -s "$file.sig" < "$file" > /dev/null 2>&1 || fail "$path is not signed by $who with a key that held on $now"
  case $what in approval|refusal|withdrawal)
    if here "${path%/*/*}/request.json"; then test "$(member request "$file")" = "sha256:$(sum "${file%/*/*}/request.json")" || fail "$path answers another request"; fi
    test "${path##*/}" = "$who.json" || fail "$path is named after somebody else than $who"
  esac
  printf 'ok: %s of %s, %s\n' "$what" "$who" "$path"
done < "$work/records.tsv"

echo
echo '== 9. Each machine signed what stands in its name'
while IFS=$tab read -r path people now brought; do
  file=files/$path
  case $path in
    *.dsse.json|evidence/*/model.sig) ;;
    *) continue ;;
  esac
  here "$path" || continue
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
  [ "$now" -ge "$from" ] && [ "$now" -le "$until" ] || fail "the key of $who did not hold on $now ($path)"
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

echo
echo '== 10. Each release is what was signed'
while IFS=$tab read -r path people now brought; do
  case $path in evidence/*/release.json) ;; *) continue ;; esac
  folder=${path%/release.json}; release=${folder#evidence/}
  here "$path" && here "$folder/verdict.json" && here "$folder/verdict.dsse.json" && here "$folder/model.sig" || continue
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

echo
echo '== 11. What ran, and what let it in'
# whether a pointer says what its request asked for: as many releases, and each value of each
as_asked() {
  test "$(grep -c '^ *"sha256": "' "$1")" = "$(grep -c 'sha256: ' "$2")" || return 1
  tr -d '" ' < "$2" > "$work/says.txt"
  {
    printf 'digest:%s\n' "$(member release_digest "$1")"
    for name in release sha256 url role state since promotion; do inner "$name" "$1" | while IFS= read -r value; do printf '%s:%s\n' "$name" "$value"; done; done
  } | tr -d ' ' > "$work/asked.txt"
  while IFS= read -r row; do grep -qxF -e "$row" -e "-$row" "$work/says.txt" || return 1; done < "$work/asked.txt"
}
past log --first-parent -m --reverse --no-renames --name-only --date=format-local:%Y-%m-%dT%H:%M:%SZ --format='commit %H %cd' "$commit" -- environments > "$work/pointers.txt"
if [ -n "$root" ]; then past rev-list --first-parent "$root"; else past rev-list --first-parent "$commit"; fi > "$work/before.txt"
current=; when=
while IFS= read -r line; do
  case $line in
    'commit '*) current=${line#commit }; when=${current#* }; current=${current%% *}; continue ;;
    environments/*.yaml) ;;
    *) continue ;;
  esac
  case $line in *[!A-Za-z0-9/._-]*) fail "$line is no name of an environment" ;; esac
  if grep -qxF -e "$current" "$work/before.txt"; then continue; fi  # up to the root of trust nobody had a key
  past cat-file blob "$current:$line" > "$work/pointer" 2> /dev/null || fail "$line was deleted in $current"
  promotion=$(grep '^promotion: ' "$work/pointer" | cut -d ' ' -f 2 | tr -d '"')
  environment=${line#environments/}; environment=${environment%.yaml}
  grep -q -e "^promotions/$environment/$promotion/request.json$tab.*$tab$current\$" "$work/records.tsv" || fail "no promotion came with what $line became in $current"
  here "promotions/$environment/$promotion/request.json" || continue
  request=files/promotions/$environment/$promotion/request.json
  as_asked "$request" "$work/pointer" || fail "$environment ran something else than promotion $promotion asked for"
  printf '%s %s: promotion %s, release %s\n' "$when" "$environment" "$promotion" "$(member release "$request")"
done < "$work/pointers.txt"
{ grep "${tab}environments/.*\.yaml\$" "$work/here.tsv" || :; } | cut -f 2 > "$work/pointers.txt"
while read -r file; do
  environment=${file#files/environments/}; environment=${environment%.yaml}
  promotion=$(grep '^promotion: ' "$file" | cut -d ' ' -f 2 | tr -d '"')
  request=files/promotions/$environment/$promotion/request.json
  here "${request#files/}" || continue
  digest=$(member release_digest "$request"); release=$(member release "$request")
  as_asked "$request" "$file" || fail "$environment runs something else than its promotion asked for"
  if here "evidence/$release/release.json"; then test "sha256:$(sum "files/evidence/$release/release.json")" = "$digest" || fail "$release is another release"; fi
  printf '%s runs %s (promotion %s, asked by %s)\n' "$environment" "$release" "$promotion" "$(member requester "$request")"
  for each in "${request%/*}"/approvals/*.json; do
    if [ -e "$each" ]; then printf '  approved by %s: read %s\n' "$(member person "$each")" "$each"; fi
  done
done < "$work/pointers.txt"
echo "ok: what runs is what its promotions asked for"

rm -rf "$work"
echo
echo 'Everything that these commands can see holds. README.md says what they cannot see.'
