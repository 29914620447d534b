"""An OIDC issuer with one public client: the grants of Authlib behind Flask, with the given people.

It requires PKCE with S256, remembers the logged-in person in a cookie, and issues JWT access tokens (RFC 9068) and
refresh tokens that stay valid after use.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from flask import Flask, Response, redirect, request, session
from joserfc.jwk import KeySet, RSAKey
from werkzeug.serving import make_server

CLIENT, REALM = "tps-gui", "/realms/grid"
_LOGIN = (
    '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Login</title><form method="post">{}</form>'
)
_BUTTON = '<button name="person" value="{0}">{0}</button>'


@dataclass
class Issuer:
    """The issuer's settings, and the codes and tokens that it issued.

    Attributes:
        people: Name -> the claims of this person's tokens: `party`, `roles`.
        origin: The origin of the client's pages; only this origin may request tokens from a browser (CORS).
    """

    people: Mapping[str, Mapping[str, Any]]
    origin: str = ""
    url: str = ""
    audience: str = "tps"
    keys: KeySet = field(default_factory=lambda: KeySet([RSAKey.generate_key(2048, {"kid": "realm-1", "use": "sig"})]))
    codes: dict[str, _Code] = field(default_factory=dict)
    tokens: dict[str, _Token] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """The address of the client's pages, and its `redirect_uri`."""
        return f"{self.origin}/gui/"


@contextmanager
def running(issuer: Issuer) -> Iterator[Issuer]:
    """Serve the issuer at a port of this machine."""
    app = Flask("issuer")
    server = make_server("127.0.0.1", 0, app, threaded=True)
    issuer.url = f"http://127.0.0.1:{server.port}{REALM}"
    _equip(app, issuer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield issuer
    server.shutdown()
    thread.join()
    server.server_close()


def _equip(app: Flask, issuer: Issuer) -> None:
    app.secret_key = "of cookies"
    server = AuthorizationServer(
        app, lambda client: _Client(issuer.address) if client == CLIENT else None, _keep(issuer)
    )
    server.register_token_generator("default", _tokens_of(issuer))
    server.register_grant(_code_grant(issuer), [CodeChallenge(required=True)])
    server.register_grant(_refresh_grant(issuer))
    server.register_endpoint(_revocation(issuer))
    for path, verbs, view in (
        ("/.well-known/openid-configuration", ["GET"], lambda: _metadata(issuer)),
        ("/jwks", ["GET"], lambda: issuer.keys.as_dict(private=False)),
        ("/authorize", ["GET", "POST"], lambda: _authorize(issuer, server)),
        ("/token", ["POST"], server.create_token_response),
        ("/revoke", ["POST"], lambda: server.create_endpoint_response("revocation")),
    ):
        app.add_url_rule(REALM + path, path, view, methods=verbs)

    @app.after_request
    def let_pages_read(response: Response) -> Response:
        response.headers["Access-Control-Allow-Origin"] = issuer.origin
        return response


def _metadata(issuer: Issuer) -> dict[str, Any]:
    ends = {"authorization": "authorize", "token": "token", "revocation": "revoke"}
    named = {f"{name}_endpoint": f"{issuer.url}/{path}" for name, path in ends.items()}
    return {
        "issuer": issuer.url,
        "jwks_uri": f"{issuer.url}/jwks",
        "code_challenge_methods_supported": ["S256"],
        **named,
    }


def _authorize(issuer: Issuer, server: AuthorizationServer) -> Any:
    if request.method == "POST":
        session["person"] = request.form["person"]
        return redirect(request.url.replace("&prompt=login", ""))
    if "person" not in session or request.args.get("prompt") == "login":
        return _LOGIN.format("".join(_BUTTON.format(name) for name in issuer.people))
    try:
        grant = server.get_consent_grant()
    except OAuth2Error as error:
        return server.handle_error_response(None, error)
    return server.create_authorization_response(grant_user=session["person"], grant=grant)


class _Client(ClientMixin):
    """A public client with one redirect URI."""

    def __init__(self, address: str):
        self._address = address

    def get_client_id(self) -> str:
        return CLIENT

    def get_default_redirect_uri(self) -> None:
        return None

    def get_allowed_scope(self, scope: str) -> str:
        return scope

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri == self._address

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == "none"

    def check_response_type(self, response_type: str) -> bool:
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        return True


@dataclass
class _Person:
    name: str

    def get_user_id(self) -> str:
        return self.name


@dataclass
class _Code(AuthorizationCodeMixin):
    code: str
    person: str
    redirect_uri: str
    scope: str
    code_challenge: str
    code_challenge_method: str

    def get_redirect_uri(self) -> str:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope


@dataclass
class _Token(TokenMixin):
    refresh_token: str
    person: str
    scope: str

    def check_client(self, client: ClientMixin) -> bool:
        return True

    def get_scope(self) -> str:
        return self.scope


def _keep(issuer: Issuer) -> Any:
    def keep(token: dict[str, Any], asked: Any) -> None:
        if "refresh_token" in token:
            issuer.tokens[token["refresh_token"]] = _Token(token["refresh_token"], asked.user.name, token["scope"])

    return keep


def _tokens_of(issuer: Issuer) -> JWTBearerTokenGenerator:
    class Tokens(JWTBearerTokenGenerator):
        def get_jwks(self) -> KeySet:
            return issuer.keys

        def get_audiences(self, client: ClientMixin, user: _Person, scope: str) -> list[str]:
            return ["account", issuer.audience]

        def get_extra_claims(
            self, client: ClientMixin, grant_type: str, user: _Person, scope: str
        ) -> Mapping[str, Any]:
            return issuer.people[user.name]

    return Tokens(
        issuer.url,
        refresh_token_generator=lambda **_: f"refresh-{time.time_ns()}",
        expires_generator=lambda *_: 300,
    )


def _code_grant(issuer: Issuer) -> type[grants.AuthorizationCodeGrant]:
    class Grant(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

        def save_authorization_code(self, code: str, request: Any) -> None:
            asked = request.payload
            challenge = (asked.data["code_challenge"], asked.data["code_challenge_method"])
            issuer.codes[code] = _Code(code, request.user, asked.redirect_uri, asked.scope, *challenge)

        def query_authorization_code(self, code: str, client: ClientMixin) -> _Code | None:
            return issuer.codes.get(code)

        def delete_authorization_code(self, authorization_code: _Code) -> None:
            del issuer.codes[authorization_code.code]

        def authenticate_user(self, authorization_code: _Code) -> _Person:
            return _Person(authorization_code.person)

    return Grant


def _refresh_grant(issuer: Issuer) -> type[grants.RefreshTokenGrant]:
    class Grant(grants.RefreshTokenGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ("none",)

        def authenticate_refresh_token(self, refresh_token: str) -> _Token | None:
            return issuer.tokens.get(refresh_token)

        def authenticate_user(self, refresh_token: _Token) -> _Person:
            return _Person(refresh_token.person)

        def revoke_old_credential(self, refresh_token: _Token) -> None:
            """Keep the refresh token."""

    return Grant


def _revocation(issuer: Issuer) -> type[RevocationEndpoint]:
    class Endpoint(RevocationEndpoint):
        CLIENT_AUTH_METHODS = ("none",)

        def query_token(self, token_string: str, token_type_hint: str) -> _Token | None:
            return issuer.tokens.get(token_string)

        def revoke_token(self, token: _Token, request: Any) -> None:
            issuer.tokens.pop(token.refresh_token, None)

    return Endpoint
