"""Verification of the bearer tokens that the frontend signs."""

from dataclasses import dataclass

import jwt

ALGORITHM = "HS256"
REQUIRED_CLAIMS = ("sub", "iss", "aud", "iat", "exp")
SECRET_MIN_BYTES = 32  # RFC 7518, section 3.2: an HS256 key is at least as long as the hash


class InvalidToken(Exception):
    """The request carries no token that is valid here; the text may be shown to the caller."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the user id of the token, and the token itself to act for that user elsewhere."""

    user_id: str
    token: str
    expires_at: int

    def __repr__(self) -> str:
        return f"Caller(user_id={self.user_id!r})"


@dataclass(frozen=True, slots=True)
class TokenVerifier:
    """Checks signature, issuer, audience and expiry of a token."""

    secret: str
    issuer: str
    audience: str

    def __repr__(self) -> str:
        return f"TokenVerifier(issuer={self.issuer!r}, audience={self.audience!r})"

    def from_header(self, authorization: str | None) -> Caller:
        """Verify the value of an Authorization header. Raises InvalidToken."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise InvalidToken("Missing bearer token")
        return self.verify(token.strip())

    def verify(self, token: str) -> Caller:
        """Verify one token. Raises InvalidToken with a text that names the reason but nothing of the token."""
        try:
            claims = jwt.decode(
                token,
                self.secret,
                algorithms=[ALGORITHM],
                issuer=self.issuer,
                audience=self.audience,
                # A clock that is a second behind the issuer's must not refuse a fresh token.
                options={"require": list(REQUIRED_CLAIMS), "verify_iat": False},
            )
        except jwt.ExpiredSignatureError:
            raise InvalidToken("Token has expired") from None
        except jwt.InvalidAudienceError:
            raise InvalidToken("Token is for another audience") from None
        except jwt.InvalidIssuerError:
            raise InvalidToken("Token is from another issuer") from None
        except jwt.PyJWTError:
            raise InvalidToken("Token is not valid") from None
        user_id = claims["sub"]
        if not isinstance(user_id, str) or not 0 < len(user_id) <= 255 or "\x00" in user_id:
            raise InvalidToken("Token is not valid")
        return Caller(user_id=user_id, token=token, expires_at=int(claims["exp"]))
