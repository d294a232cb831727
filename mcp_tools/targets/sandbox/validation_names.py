"""The forms of names and other texts: each check gives what is wrong, in apimachinery's words.

Source: apimachinery's ``util/validation`` of Kubernetes 1.33.
"""

from __future__ import annotations

import functools
import ipaddress
import re

LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = LABEL + r"(\." + LABEL + ")*"
DNS1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
WILDCARD = r"\*\." + SUBDOMAIN
CONFIG_KEY = "[-._a-zA-Z0-9]+"
_LABEL_SAYS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character"
)
_SUBDOMAIN_SAYS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and "
    "end with an alphanumeric character"
)
_DNS1035_SAYS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, "
    "and end with an alphanumeric character"
)
_WILDCARD_SAYS = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)
_QUALIFIED_SAYS = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{pattern})\Z")


def matches(pattern: str, value: str) -> bool:
    """Whether the whole value has that form."""
    return _compiled(pattern).match(value) is not None


def regex_error(message: str, pattern: str, *examples: str) -> str:
    """What a value of the wrong form is told."""
    if not examples:
        return f"{message} (regex used for validation is '{pattern}')"
    listed = " or ".join(f"'{example}', " for example in examples)
    return f"{message} (e.g. {listed}regex used for validation is '{pattern}')"


def too_long(most: int) -> str:
    """A text of too many bytes, which the server calls characters."""
    return f"must be no more than {most} characters"


def between(low: int, high: int) -> str:
    """A number outside its range."""
    return f"must be between {low} and {high}, inclusive"


def size(value: str) -> int:
    """Bytes in UTF-8."""
    return len(value) if value.isascii() else len(value.encode())


@functools.lru_cache(maxsize=4096)
def label(value: str) -> tuple[str, ...]:
    """An RFC 1123 label."""
    found = []
    if size(value) > 63:
        found.append(too_long(63))
    if not matches(LABEL, value):
        if matches(SUBDOMAIN, value):
            found.append("must not contain dots")
        else:
            found.append(regex_error(_LABEL_SAYS, LABEL, "my-name", "123-abc"))
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def subdomain(value: str) -> tuple[str, ...]:
    """An RFC 1123 subdomain."""
    found = []
    if size(value) > 253:
        found.append(too_long(253))
    if not matches(SUBDOMAIN, value):
        found.append(regex_error(_SUBDOMAIN_SAYS, SUBDOMAIN, "example.com"))
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def dns1035(value: str) -> tuple[str, ...]:
    """A DNS-1035 label: the name of a service."""
    found = []
    if size(value) > 63:
        found.append(too_long(63))
    if not matches(DNS1035, value):
        found.append(regex_error(_DNS1035_SAYS, DNS1035, "my-name", "abc-123"))
    return tuple(found)


def wildcard(value: str) -> tuple[str, ...]:
    """A host that begins with ``*.``."""
    if size(value) > 253:
        return (too_long(253),)
    return () if matches(WILDCARD, value) else (regex_error(_WILDCARD_SAYS, WILDCARD, "*.example.com"),)


def path_segment(value: str) -> tuple[str, ...]:
    """A name that stands in a path: those of RBAC."""
    if value in (".", ".."):
        return (f"may not be '{value}'",)
    return tuple(f"may not contain '{part}'" for part in ("/", "%") if part in value)


@functools.lru_cache(maxsize=4096)
def qualified(value: str) -> tuple[str, ...]:
    """A qualified name: the key of a label."""
    parts = value.split("/")
    found: list[str] = []
    name = parts[-1]
    if len(parts) == 2:
        prefix = parts[0]
        if not prefix:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {message}" for message in subdomain(prefix)]
    elif len(parts) > 2:
        said = regex_error(_QUALIFIED_SAYS, QUALIFIED, "MyName", "my.name", "123-abc")
        return (f"a qualified name {said} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",)
    if not name:
        found.append("name part must be non-empty")
    elif size(name) > 63:
        found.append(f"name part {too_long(63)}")
    if not matches(QUALIFIED, name):
        found.append(f"name part {regex_error(_QUALIFIED_SAYS, QUALIFIED, 'MyName', 'my.name', '123-abc')}")
    return tuple(found)


@functools.lru_cache(maxsize=4096)
def label_value(value: str) -> tuple[str, ...]:
    """The value of a label."""
    found = []
    if size(value) > 63:
        found.append(too_long(63))
    pattern = f"({QUALIFIED})?"
    if not matches(pattern, value):
        said = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
            "start and end with an alphanumeric character"
        )
        found.append(regex_error(said, pattern, "MyValue", "my_value", "12345"))
    return tuple(found)


def config_key(value: str) -> tuple[str, ...]:
    """A key of a ConfigMap or a Secret."""
    found = []
    if size(value) > 253:
        found.append(too_long(253))
    if not matches(CONFIG_KEY, value):
        said = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        found.append(regex_error(said, CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in (".", ".."):
        found.append(f"must not be '{value}'")
    elif value.startswith(".."):
        found.append("must not start with '..'")
    return tuple(found)


def env_name(value: str) -> tuple[str, ...]:
    """The name of an environment variable (relaxed since 1.32)."""
    if not value:
        return ("environment variable name must be non-empty",)
    if all(" " <= char <= "~" and char != "=" for char in value):
        return ()
    return ("a valid environment variable name must consist only of printable ASCII characters other than '='",)


def port_number(value: int) -> tuple[str, ...]:
    """A port."""
    return () if 1 <= value <= 65535 else (between(1, 65535),)


def port_name(value: str) -> tuple[str, ...]:
    """The name of a port."""
    found = []
    if size(value) > 15:
        found.append(too_long(15))
    if not matches("[-a-z0-9]+", value):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value[:1] == "-" or value[-1:] == "-":
        found.append("must not begin or end with a hyphen")
    return tuple(found)


def percent(value: str) -> tuple[str, ...]:
    """``25%``."""
    if matches("[0-9]+%", value):
        return ()
    said = "a valid percent string must be a numeric string followed by an ending '%'"
    return (regex_error(said, "[0-9]+%", "1%", "93%"),)


def header(value: str) -> tuple[str, ...]:
    """The name of an HTTP header."""
    if matches("[-A-Za-z0-9]+", value):
        return ()
    said = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return (regex_error(said, "[-A-Za-z0-9]+", "X-Header-Name"),)


def ip(value: str) -> tuple[str, ...]:
    """An address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return ("must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",)
    return ()


def cidr(value: str) -> tuple[str, ...]:
    """A network."""
    try:
        if "/" not in value:
            raise ValueError
        ipaddress.ip_network(value, strict=False)
    except ValueError:
        return ("must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)",)
    return ()


def inside(part: str, whole: str) -> bool:
    """Whether a network is a smaller part of another one."""
    inner, outer = ipaddress.ip_network(part, strict=False), ipaddress.ip_network(whole, strict=False)
    if isinstance(inner, ipaddress.IPv4Network) and isinstance(outer, ipaddress.IPv4Network):
        return inner.subnet_of(outer) and inner.prefixlen > outer.prefixlen
    if isinstance(inner, ipaddress.IPv6Network) and isinstance(outer, ipaddress.IPv6Network):
        return inner.subnet_of(outer) and inner.prefixlen > outer.prefixlen
    return False


def masked(value: str) -> str:
    """A generateName as the name that may come of it: a dash at its end is no mistake."""
    return value[:-2] + "a" if len(value) > 1 and value.endswith("-") else value
