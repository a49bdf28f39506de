"""The table of `docs/threats.md`: what a liar may try, what catches it, and the tests that hold what is prevented elsewhere."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """``id`` is what stories name; ``held`` are the tests of what is prevented before there is a history to audit."""

    id: str
    tries: str
    caught: str
    held: tuple[str, ...] = ()


ROWS = (
    Row(
        "rewritten",
        "rewrite the history and force it onto the remote, or merge the true one as a second parent",
        "an anchor kept elsewhere: its commit must lie on the line of first parents; without one the answer is never 'intact'",
    ),
    Row(
        "root",
        "found the rules anew: delete governance/ and bring another, or start from another root",
        "the first commit with people who have keys stays the root of trust; `--root` holds it against the one that you know",
    ),
    Row(
        "incomplete",
        "show half a history, or other files on a disk than those that were committed",
        "a shallow or partial clone is refused with the command that completes it; files are compared byte for byte",
    ),
    Row(
        "bare-push",
        "push a pointer, a policy, a key or a manifest straight to the main line, or hide it in a merge",
        "every change of a guarded path on the line of first parents needs a request that explains it",
    ),
    Row(
        "one-request",
        "let an honest request carry something else along, land two at once, or show something else in between",
        "a request carries its own paths and nothing else, and what lands is what was signed, at every commit",
    ),
    Row(
        "late-answers",
        "land what was refused or withdrawn, or add answers to what has landed",
        "a refusal blocks; nothing is added to a request once it has landed; what is recorded as refused must be",
    ),
    Row(
        "forged-names",
        "write somebody else's name into a commit",
        "names in commits are never believed: only signatures over content are",
    ),
    Row(
        "signed-commits",
        "sign the commit, and hope that this makes it a promotion",
        "nothing rests on signatures of commits, so squash, rebase and merge lose nothing either",
    ),
    Row(
        "own-key",
        "bring a key in with what it signs",
        "keys are read from the first parent, never from the commit that is judged",
    ),
    Row(
        "bundled-key",
        "put the key beside the signature, as some bundles do",
        "only people.yaml of the first parent is a source of keys",
    ),
    Row(
        "weakened-policy",
        "weaken the policy in the change that it judges, or land under another than was signed",
        "the first parent's policy judges; a request binds the policy and the state that it was made on",
    ),
    Row(
        "weakened-terms",
        "ask less of the model by an ordinary push: risk, criteria, columns, label, threshold, split, test data",
        "compared with the live release, or with policy's floors; each weakening is named and needs an approval of its own",
        ("tests/stages/test_promotion_attacks.py::test_editing_the_manifest_and_its_split_is_named",),
    ),
    Row(
        "self-approval",
        "approve one's own work: by a second key, under another name, by a bot, or in somebody's name",
        "people are compared and not keys; whoever asked, committed or set the run off is left out",
        ("tests/attacks/test_machine_requests.py::test_whoever_set_off_the_run_that_asked_may_not_approve",),
    ),
    Row(
        "two-ids",
        "enter one key under two ids, or sign twice, to be two people",
        "keys are compared by what they are, however they are written; a second name for one is refused",
        ("tests/policy/test_decide.py::test_one_key_under_two_ids_is_one_person_and_refused",),
    ),
    Row(
        "replayed-approval",
        "use an approval of another promotion",
        "an approval binds the digest of the request, which binds base, release, policy and evidence",
    ),
    Row(
        "replayed-pointer",
        "bring an old pointer back by its old request (A, B, A)",
        "a request binds the pointer that it replaces and the whole new one, and lands once",
    ),
    Row(
        "rubber-stamps",
        "approve without a word, in somebody else's words, or past an open question or an owner",
        "empty, stock and copied texts do not count; every open question is answered; owners agree",
    ),
    Row(
        "waivers",
        "lean on an exception that is of another release, over, unsigned, too late, or kept out of sight",
        "an exception is read from the first parent, signed, for this release, for a time, by somebody who may",
    ),
    Row(
        "one-spelling",
        "write a file so that two readers read two things: keys that stand twice, anchors, other spacing",
        "every record has exactly one spelling, and any other is invalid",
    ),
    Row(
        "key-time",
        "use a key that has ended, is not yet valid, was revoked or stolen; date a record back",
        "keys count at the time of the landing; dates run forward along all records; a compromise counts back",
        (
            "tests/case/test_keyless.py::test_the_logs_time_decides_where_a_commit_is_dated_back_before_the_revocation",
        ),
    ),
    Row(
        "wrong-signer",
        "sign with a key that may sign something else: evidence with the desk's, reviews with CI's",
        "people.yaml lists what each signer may sign, and evidence and reviews are never the same signer's",
        ("tests/attacks/test_machine_requests.py::test_the_key_of_evidence_may_not_ask",),
    ),
    Row(
        "demo-keys",
        "use the keys of the demonstration, which everybody has",
        "they are known by what they are, and count in a demonstration alone",
    ),
    Row(
        "evidence-edited",
        "edit, prolong, delete or reinstate a record",
        "records are only ever added; the signed list names every file of a release",
    ),
    Row(
        "flipped-bits",
        "change bits where a decoder does not look, or put files beside the listed ones",
        "canonical bytes only; a file that the signed list does not name is invalid",
    ),
    Row(
        "swapped-artifact",
        "put another model in the place of the one that was tested",
        "size and digest are compared again at promotion and in every audit",
        ("tests/stages/test_sign.py::test_a_model_swapped_after_training_is_refused",),
    ),
    Row(
        "copied-evidence",
        "show one release's evidence as another's",
        "every statement is about digests: the release's, and the model's",
    ),
    Row(
        "renamed-file",
        "rename a file inside a release",
        "the release's digest covers names, and the list of files is exact",
    ),
    Row(
        "swapped-source",
        "release what was never merged",
        "a release's source commit lies on the line of first parents before its record",
    ),
    Row(
        "card",
        "let the model card or the bill of materials say something nicer than the reports, or put words into a person's mouth",
        "their numbers are those of the verdict, their texts those that git holds at the source commit, or they are findings",
    ),
    Row(
        "no-gate",
        "leave a gate out, loosen it, or let it pass without a finding",
        "a gate that did not run is a failure; criteria are those of ml.yaml and policy at the source commit",
        ("tests/policy/test_decide.py::test_unknown_is_no",),
    ),
    Row(
        "stray",
        "put files among the records that are none",
        "a folder of records holds records alone",
    ),
    Row(
        "links",
        "use links, submodules, look-alike names, `..`, double entries or attributes, so that readers see other bytes",
        "objects are read by id, plain files only; names and attributes that some machine reads otherwise are named",
    ),
    Row(
        "replaced",
        "make git show other objects or another past: refs/replace, grafts, a lying commit-graph, damaged objects",
        "objects are hashed again, overlays are ignored and reported",
    ),
    Row(
        "malformed",
        "write commits that two readers read differently",
        "a commit that git itself would not write so is a finding; headers that git allows change nothing",
    ),
    Row(
        "tags",
        "move a tag, replay it under another name, or write notes",
        "tags and notes are hints and never evidence",
    ),
    Row(
        "workflow",
        "add a workflow or a Jenkinsfile on a branch to read a key, or a job that calls itself 'decide'",
        "keys are in an environment that only the main line reaches; the check must come from the App; `doctor` looks",
        (
            "tests/actions/test_workflows.py::test_only_sign_may_ask_for_an_identity_and_see_the_key_of_evidence",
            "tests/ci_extension/test_collusion.py::test_no_workflow_of_a_branch_can_read_a_key",
            "tests/ci_extension/test_collusion.py::test_a_check_that_a_job_posts_itself_opens_nothing_and_the_apps_does",
            "tests/forges/test_promotion.py::test_doctor_names_what_the_forge_does_not_enforce_and_the_page_that_mends_it",
            "tests/jenkins/test_library.py::test_credentials_are_bound_by_the_runner_alone",
        ),
    ),
    Row(
        "fork-secrets",
        "open a pull request from a fork to reach a secret",
        "what runs for a pull request has none; signing takes digests and runs no code of the repository",
        (
            "tests/actions/test_workflows.py::test_what_runs_for_a_pull_request_sees_no_secret_and_writes_nothing",
            "tests/actions/test_workflows.py::test_a_job_that_sees_a_secret_runs_no_code_of_the_repository",
            "tests/stages/test_sign.py::test_it_runs_no_code_of_the_repository",
        ),
    ),
    Row(
        "training-lies",
        "let training alter digests, provenance or mlassay itself between the jobs",
        "signing makes every digest again from git objects and its own CI's context",
        (
            "tests/stages/test_sign.py::test_a_model_swapped_with_its_digest_in_provenance_is_refused",
            "tests/stages/test_sign.py::test_an_input_digest_that_git_does_not_confirm_is_refused",
            "tests/stages/test_sign.py::test_commit_ref_run_and_dispatcher_come_from_the_ci",
        ),
    ),
    Row(
        "own-passed",
        "let the team's test code write its own 'passed'",
        "gates measure the model apart from the team's code; what the team's tests say is marked as self-reported",
        (
            "tests/gates/test_unit.py::test_passing_tests_pass_and_are_marked_self_reported",
            "tests/stages/test_sign.py::test_a_gate_report_edited_after_the_test_is_refused",
        ),
    ),
    Row(
        "test-split",
        "let training read the test data or a column that it may not see",
        "neither is in its folder; rows that leaked are found by their digests",
        (
            "tests/isolation/test_bubblewrap.py::TestHostileTrainer::test_it_finds_nothing_in_bubblewrap",
            "tests/gates/test_data.py::test_evaluation_rows_in_another_data_set_that_training_sees_fail",
        ),
    ),
    Row(
        "hostile-model",
        "bring a pickle, external data, foreign operators or absurd sizes",
        "refused before anything is loaded; sizes, versions and operators have bounds",
        (
            "tests/model/test_broken.py::test_external_data_is_refused",
            "tests/model/test_broken.py::test_operators_outside_the_list_are_named",
            "tests/model/test_broken.py::test_tensors_that_would_fill_the_memory_are_refused_before_loading",
            "tests/ci_extension/test_collusion.py::test_a_pickle_that_would_leave_a_mark_is_never_loaded",
        ),
    ),
    Row(
        "injection",
        "write names or reasons that a log, a page or a terminal obeys",
        "control characters and commands are taken out, Markdown and HTML escaped, everything has a bound",
        (
            "tests/attacks/test_words.py::test_hostile_reasons_forge_no_line_in_any_answer_or_log",
            "tests/render/test_page.py::test_whatever_anybody_wrote_nothing_of_it_is_obeyed",
            "tests/render/test_terminal.py::test_hostile_text_gives_the_terminal_no_orders",
        ),
    ),
    Row(
        "race",
        "land two promotions at once",
        "one wins by compare-and-swap; the other is told, and nothing is lost",
        (
            "tests/stages/test_promotion_races.py::test_twenty_processes_at_once_and_one_wins_at_a_time",
            "tests/stages/test_promotion_races.py::test_promotions_and_other_commits_at_once_lose_nothing",
        ),
    ),
    Row(
        "crash",
        "crash, or kill it, between two writes",
        "written aside and renamed, one commit for one fact; a second run goes on",
        (
            "tests/killing/test_killed.py::test_a_verb_killed_before_any_of_its_writes_can_be_run_again",
            "tests/stages/test_promotion_races.py::test_a_process_killed_for_real_at_any_moment_leaves_a_promotion_that_can_go_on",
        ),
    ),
)
