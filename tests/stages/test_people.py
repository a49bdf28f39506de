"""Edits of people.yaml: they say what was meant, and what people wrote beside them stays."""

from datetime import date

import pytest
import yaml

from mlassay.errors import ConfigurationError
from mlassay.stages.init import template_files
from mlassay.stages.people import NewPerson, add_person_key, add_signer, revoke_key

TODAY = date(2026, 11, 21)
DANA = NewPerson("Dana: Ö. #1", "modelling", ("developer",), ("dana@example.com",))


@pytest.fixture
def text():
    return template_files()["governance/people.yaml"].decode()


def test_a_new_person_stands_with_name_team_roles_and_key(text):
    made = yaml.safe_load(add_person_key(text, "dana", "ssh-ed25519 AAAA d", today=TODAY, person=DANA))
    assert made["people"]["dana"] == {
        "name": "Dana: Ö. #1",
        "team": "modelling",
        "roles": ["developer"],
        "emails": ["dana@example.com"],
        "keys": [{"key": "ssh-ed25519 AAAA d", "valid_from": TODAY}],
    }
    assert made["people"]["lee"]["roles"] == ["risk-lead"]


def test_comments_that_people_wrote_stay(text):
    text = text.replace("signers: {}", "# the machines\nsigners: {}  # none yet")
    made = add_person_key(text, "dana", "ssh-ed25519 AAAA", today=TODAY, person=DANA)
    assert "# the machines" in made
    assert made.startswith("# Who may do what here")


def test_a_second_key_of_one_person_is_added_to_the_first(text):
    made = add_person_key(text, "lee", "ssh-ed25519 AAAA", today=TODAY)
    made = add_person_key(made, "lee", "ssh-ed25519 BBBB", today=TODAY)
    assert [key["key"] for key in yaml.safe_load(made)["people"]["lee"]["keys"]] == [
        "ssh-ed25519 AAAA",
        "ssh-ed25519 BBBB",
    ]


def test_one_key_never_stands_under_two_people(text):
    made = add_person_key(text, "lee", "ssh-ed25519 AAAA lee", today=TODAY)
    with pytest.raises(ConfigurationError, match="'lee's already"):
        add_person_key(made, "dana", "ssh-ed25519 AAAA dana", today=TODAY, person=DANA)


def test_a_signer_is_added_with_its_predicates_and_never_replaced(text):
    made = add_signer(
        text, "ci", "-----BEGIN PUBLIC KEY-----\nabc\n-----END PUBLIC KEY-----", ["https://x/y"], today=TODAY
    )
    assert yaml.safe_load(made)["signers"]["ci"]["signs"] == ["https://x/y"]
    with pytest.raises(ConfigurationError, match="stands already"):
        add_signer(made, "ci", "other", ["https://x/y"], today=TODAY)


def test_revoking_marks_just_that_key(text):
    made = add_person_key(text, "lee", "ssh-ed25519 AAAA", today=TODAY)
    made = add_person_key(made, "lee", "ssh-ed25519 BBBB", today=TODAY)
    made = revoke_key(
        made, "lee", "ssh-ed25519 AAAA", at=TODAY, because="compromised", compromised_since=date(2026, 1, 1)
    )
    first, second = yaml.safe_load(made)["people"]["lee"]["keys"]
    assert first["revoked"] == {"at": TODAY, "because": "compromised", "compromised_since": date(2026, 1, 1)}
    assert "revoked" not in second
    with pytest.raises(ConfigurationError, match="revoked already"):
        revoke_key(made, "lee", "ssh-ed25519 AAAA", at=TODAY, because="lost", compromised_since=None)


@pytest.mark.parametrize("id_", ["../dana", "Dana", "", "a" * 64, "dana\nx"])
def test_an_id_that_could_not_name_a_file_is_refused(text, id_):
    with pytest.raises(ConfigurationError, match="is no id"):
        add_person_key(text, id_, "ssh-ed25519 AAAA", today=TODAY, person=DANA)


def test_a_layout_that_cannot_be_extended_is_refused_not_mangled():
    flow = "version: 1\npeople: {lee: {name: Lee, team: risk, roles: [x], keys: []}}\nsigners: {}\n"
    with pytest.raises(ConfigurationError):
        add_person_key(flow, "lee", "ssh-ed25519 AAAA", today=TODAY)
