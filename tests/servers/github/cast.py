"""Who there is: people, Apps and their tokens."""

from __future__ import annotations

from .state import CONTRIBUTES, Account, App, Hub, Token

ACTIONS = "github-actions"
Who = str | Token  # a login, an App's slug, or anybody's token


class Cast:
    """Makes accounts and tokens on one hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._actions = self._app(ACTIONS, 15368, {}, 41898282)

    def user(self, login: str, id: int | None = None, *, organization: bool = False) -> Token:  # noqa: A002
        """A person and a token of theirs; a second call for one login is a second token."""
        with self._hub.lock:
            return self._issue(
                "ghp_", self._hub.member(login, id, "Organization" if organization else "User")
            )

    def app(
        self,
        slug: str,
        id: int | None = None,  # noqa: A002
        permissions: dict[str, str] | None = None,
        public_key: bytes = b"",
    ) -> Token:
        """A GitHub App, installed everywhere, and a token of its installation; with a key, JWTs buy more."""
        with self._hub.lock:
            account = self._app(
                slug, id, {**(permissions or CONTRIBUTES), "metadata": "read"}, None, public_key
            )
            assert account.app is not None
            return self._issue("ghs_", account, dict(account.app.permissions))

    def _app(
        self, slug: str, number: int | None, held: dict[str, str], bot: int | None, public_key: bytes = b""
    ) -> Account:
        login = f"{slug}[bot]"
        if login not in self._hub.accounts:
            owner = self._hub.member("github", 9919, "Organization")
            app = App(number or self._hub.number(), slug, held, owner, public_key)
            self._hub.accounts[login] = Account(bot or self._hub.number(), login, "Bot", app)
        return self._hub.accounts[login]

    def actions_token(self, permissions: dict[str, str] | None = None) -> Token:
        """A workflow's GITHUB_TOKEN: read only unless told, and nothing that it does starts a workflow."""
        held = permissions if permissions is not None else {"contents": "read", "metadata": "read"}
        return self._issue("ghs_", self._actions, {**held, "metadata": "read"}, default=True)

    def _issue(
        self, prefix: str, account: Account, held: dict[str, str] | None = None, *, default: bool = False
    ) -> Token:
        token = Token(prefix, account, held, default=default)
        self._hub.tokens[token] = token
        return token

    def expire(self, token: str) -> None:
        """From now on the token is nobody's: 401."""
        del self._hub.tokens[token]

    def account(self, who: Who) -> Account:
        """The account of a login, of an App's slug or of a token."""
        if isinstance(who, Token):
            return who.account
        known = self._hub.accounts
        account = known.get(who.lower()) or known.get(f"{who}[bot]")
        return account or self._hub.member(who)
